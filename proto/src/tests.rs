//! What holds for every message.

mod golden;
mod rejections;
mod round_trips;
mod size;
mod strategies;
