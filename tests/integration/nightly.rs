//! What machines and people hear of a night: metrics, notices, traces.
