//! Connections: accepted within a bound (`listener`), with deadlines (`timed`), and with a look at how
//! each request is framed (`head`).

mod head;
pub(super) mod listener;
pub(super) mod timed;
