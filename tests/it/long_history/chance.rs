//! Chance that is the same for the same seed.

use super::way::Fault;

/// Pseudo-random numbers from a seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub(super) fn below(&mut self, most: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }

    pub(super) fn is_one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// What happens to a request.
    pub(super) fn fault(&mut self) -> Fault {
        let arrives = self.is_one_in(2);
        match self.below(20) {
            0..=4 => Fault::None,
            5 => Fault::Away,
            6 => Fault::Lost,
            7 => Fault::Half,
            8 => Fault::Twice,
            9 => Fault::Status(
                [301, 401, 403, 404, 407, 412, 426, 451][self.below(8)],
                false,
            ),
            10 => Fault::Status([400, 413, 422][self.below(3)], false),
            11 => Fault::Status([500, 502, 503, 202, 204][self.below(5)], arrives),
            12 => Fault::Status([408, 409, 423, 425][self.below(4)], false),
            13 => Fault::Pause([429, 503][self.below(2)]),
            14 => Fault::Page,
            15 => Fault::Unnamed,
            16 => Fault::Some,
            17 => Fault::Noise,
            18 => Fault::KillsReceiver,
            _ => Fault::KillsClient(arrives),
        }
    }
}
