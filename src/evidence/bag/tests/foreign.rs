//! Bags that others made, under fixtures/packs/foreign.
