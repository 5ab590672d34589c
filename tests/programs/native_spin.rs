// SPDX-License-Identifier: GPL-2.0-or-later
//! Rust names for the tests of native symbols: spins in engine::Turbine::run.
use std::hint::black_box;

mod engine {
    use super::black_box;

    pub struct Turbine {
        pub turns: u64,
    }

    impl Turbine {
        #[inline(never)]
        pub fn run(&mut self) -> u64 {
            loop {
                self.turns = black_box(self.turns + 1); // FIND:run
                if black_box(false) {
                    return self.turns;
                }
            }
        }
    }
}

#[inline(never)]
fn drive() -> u64 {
    let mut turbine = engine::Turbine { turns: 0 };
    let turns = turbine.run(); // FIND:drive
    turns * 3 + 1
}

fn main() {
    println!("ready");
    println!("{}", drive());
}
