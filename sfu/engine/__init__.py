"""The packet engine: compiled, without the GIL, sans-IO; `loop` binds it to sockets."""
