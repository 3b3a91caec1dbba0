"""One more subscriber: packets to frames to CMAF fragments to the library."""
