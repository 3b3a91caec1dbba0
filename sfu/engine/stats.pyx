"""Statistics as plain dicts. Keys follow W3C webrtc-stats, in snake_case; times are microseconds unless named otherwise."""

from libc.stdint cimport int64_t

from sfu.engine.address cimport address_to_bytes
from sfu.engine.bandwidth cimport bandwidth_bps
from sfu.engine.descriptor cimport MAX_SPATIAL, MAX_TEMPORAL
from sfu.engine.model cimport LAYER_SILENT_US, layer_t
from sfu.engine.reception cimport reception_lost


def outbound_counters(packets, bytes_, calls, bursts, dropped, gso_off):
    """What left: datagrams, bytes, send calls, slots of them, datagrams refused; 1 when UDP_SEGMENT is not to be had."""
    return {
        "datagrams_out": packets,
        "bytes_out": bytes_,
        "send_calls": calls,
        "send_bursts": bursts,
        "drop_send": dropped,
        "segmentation_off": gso_off,
    }


cdef dict stats_of_transport(const engine_t *e, const transport_t *t):
    return {
        "id": t.id,
        "address": address_to_bytes(&t.address) if t.has_address else b"",
        "keyed": bool(t.keyed),
        "packets_received": t.packets_in,
        "bytes_received": t.bytes_in,
        "packets_sent": t.packets_out,
        "bytes_sent": t.bytes_out,
        "round_trip_us": t.rtt_us,
        "available_bitrate_bps": t.remb_bps,
        "estimate_bps": <int64_t>bandwidth_bps(t.bandwidth) if t.bandwidth != NULL and t.bandwidth.known else 0,
        "send_bps": <int64_t>t.bandwidth.send_bps if t.bandwidth != NULL else 0,
        "downlink_lost": t.bandwidth.loss if t.bandwidth != NULL else 0.0,
        "feedback_round_trip_us": t.bandwidth.rtt_us if t.bandwidth != NULL else 0,
        "paced": t.pacer != NULL,
        "paced_packets": t.pacer.count if t.pacer != NULL else 0,
    }


cdef dict layer_stats(const engine_t *e, const layer_t *layer):
    return {
        "ssrc": layer.ssrc,
        "active": bool(layer.started and e.now_us - layer.last_us < LAYER_SILENT_US),
        "packets_received": layer.reception.packets,
        "bytes_received": layer.reception.bytes,
        "packets_lost": reception_lost(&layer.reception) if layer.started else 0,
        "packets_duplicated": layer.reception.duplicates,
        "packets_repaired": layer.repaired,
        "jitter_s": layer.reception.jitter / layer.reception.clock_rate if layer.started else 0.0,
        "nack_count": layer.nacks,
        "pli_count": layer.plis,
        "key_frames": layer.keyframes,
        "spatial_layers": layer.spatial_count,
        "layer_bytes": [[layer.layer_bytes[s][t] for t in range(MAX_TEMPORAL)] for s in range(MAX_SPATIAL)],
    }


cdef dict stats_of_publication(const engine_t *e, const publication_t *p):
    return {
        "id": p.id,
        "kind": "video" if p.video else "audio",
        "transport": p.transport.id,
        "subscriptions": p.subscription_count,
        "heard": bool(p.voice == NULL or p.voice.heard),
        "speaking": bool(p.voice != NULL and p.voice.speaking),
        "layers": [layer_stats(e, &p.layers[i]) for i in range(p.layer_count)],
    }


cdef dict stats_of_subscription(const subscription_t *s):
    return {
        "id": s.id,
        "publication": s.publication.id,
        "transport": s.transport.id,
        "ssrc": s.ssrc,
        "layer": s.layer,
        "wanted_layer": s.wanted_layer,
        "wanted_spatial": s.wanted_spatial,
        "wanted_temporal": s.wanted_temporal,
        "spatial_layer": s.selector.spatial if s.selector != NULL else 0,
        "temporal_layer": s.selector.temporal if s.selector != NULL else 0,
        "first_frame_us": s.first_frame_us,
        "paused": bool(s.paused),
        "packets_sent": s.packets,
        "bytes_sent": s.bytes,
        "retransmitted_packets_sent": s.resent,
        "frames_dropped": s.frames_shed,
        "nack_count": s.nacks,
        "pli_count": s.plis,
        "fraction_lost": s.fraction_lost / 256,
        "packets_lost": s.cumulative_lost,
        "round_trip_us": s.rtt_us,
    }
