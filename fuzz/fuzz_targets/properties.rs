//! The property that `SK_SYNC_FUZZ` names, for inputs that libFuzzer makes.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use sk_sync::properties::{PROPERTIES, Property};

static CHOSEN: LazyLock<&'static Property> = LazyLock::new(|| {
    let name = std::env::var("SK_SYNC_FUZZ").unwrap_or_default();
    let names: Vec<_> = PROPERTIES.iter().map(|property| property.name).collect();
    let chosen = PROPERTIES.iter().find(|property| property.name == name);
    chosen.unwrap_or_else(|| {
        panic!(
            "SK_SYNC_FUZZ is {name:?}; it names one of {}",
            names.join(", ")
        )
    })
});

fuzz_target!(|bytes: &[u8]| (CHOSEN.check)(bytes));
