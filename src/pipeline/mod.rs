//! The one-pass machine that reads, hashes, packs, compresses and encrypts, and its way back. The only place with worker threads.
