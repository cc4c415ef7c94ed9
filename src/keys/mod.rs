//! All secret material, and who is trusted for what. Secrets have no Debug and no Serialize, and are wiped.
