//! Lockfiles as their tools wrote them, in fixtures/lockfiles, whose README says how; and what nobody should have written.

mod cargo;
mod hostile;
mod javascript;
mod real;
