//! What is read: the scan of the tree, its git facts, its version.
