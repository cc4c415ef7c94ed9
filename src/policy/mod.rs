//! TOML to checked rules. Pure: "now", the environment and all evidence come in as arguments.
