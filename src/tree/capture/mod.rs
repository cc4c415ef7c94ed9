//! Consistent copies of live databases, taken without stopping them, and what is recorded of each copy.

mod sqlite;
