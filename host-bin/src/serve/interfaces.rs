//! Which interfaces does the server know, by which number? The core's numbers stay with the names, while the kernel's change when an interface
//! vanishes and comes back.

use std::collections::BTreeMap;

use crate::config::render;
use crate::net::InterfaceState;

/// Numbers by name, and what the kernel said last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    numbers: BTreeMap<String, u16>,
    found: Vec<InterfaceState>,
    /// Those that may be served; empty: all.
    only: Vec<String>,
}

impl Known {
    /// With `only` naming what may be served; all when it is empty.
    pub(crate) fn new(only: Vec<String>) -> Self {
        Self { only, ..Self::default() }
    }

    /// Takes in what the kernel says now; whether that is something else than before.
    pub(crate) fn update(&mut self, found: Vec<InterfaceState>) -> bool {
        for interface in &found {
            if !self.numbers.contains_key(&interface.name) {
                // A machine that gives 65,536 different names to interfaces while it runs serves the first 65,535.
                let Ok(number) = u16::try_from(self.numbers.len() + 1) else { continue };
                self.numbers.insert(interface.name.clone(), number);
            }
        }
        let changed = found != self.found;
        self.found = found;
        changed
    }

    /// For the configuration: those that are switched on.
    pub(crate) fn for_config(&self) -> render::Interfaces {
        let interface = |state: &InterfaceState| {
            Some(render::Interface {
                number: self.number(&state.name)?,
                name: state.name.clone(),
                mac: state.mac,
                addresses: state.addresses.clone(),
                serve: state.up && self.may_serve(&state.name),
            })
        };
        render::Interfaces(self.found.iter().filter_map(interface).collect())
    }

    /// What the kernel says of the interface with this number of ours.
    pub(crate) fn state(&self, number: u16) -> Option<&InterfaceState> {
        self.found.iter().find(|state| self.number(&state.name) == Some(number))
    }

    /// What the kernel says of the interface with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&InterfaceState> {
        self.found.iter().find(|state| state.name == name)
    }

    /// All that are there.
    pub(crate) fn all(&self) -> &[InterfaceState] {
        &self.found
    }

    /// Our number of the kernel's.
    pub(crate) fn number_of_index(&self, index: u32) -> Option<u16> {
        let state = self.found.iter().find(|state| state.index == index)?;
        self.number(&state.name)
    }

    /// Those that are to be served and are not there.
    pub(crate) fn missing(&self) -> impl Iterator<Item = &str> {
        self.only.iter().map(String::as_str).filter(|name| self.named(name).is_none())
    }

    fn number(&self, name: &str) -> Option<u16> {
        self.numbers.get(name).copied()
    }

    fn may_serve(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(index: u32, name: &str) -> InterfaceState {
        InterfaceState {
            index,
            name: name.to_owned(),
            mac: Some([2; 6]),
            up: true,
            running: true,
            addresses: vec![([10, 0, 1, 1].into(), 24)],
        }
    }

    #[test]
    fn an_interface_that_comes_back_has_its_number_again() {
        let mut known = Known::default();
        assert!(known.update(vec![state(1, "lo"), state(4, "eth0")]));
        let number = known.number_of_index(4).unwrap();
        assert!(!known.update(vec![state(1, "lo"), state(4, "eth0")]), "nothing changed");
        assert!(known.update(vec![state(1, "lo")]));
        assert_eq!((known.number_of_index(4), known.state(number)), (None, None));
        assert!(known.update(vec![state(1, "lo"), state(5, "eth1"), state(9, "eth0")]));
        assert_eq!(known.number_of_index(9), Some(number));
        assert_eq!(known.state(number).unwrap().index, 9);
        assert_ne!(known.number_of_index(5), Some(number));
    }

    #[test]
    fn only_what_is_named_and_switched_on_may_be_served() {
        let mut known = Known::new(vec!["eth0".to_owned(), "eth7".to_owned()]);
        let off = InterfaceState { up: false, ..state(6, "eth7") };
        known.update(vec![state(4, "eth0"), state(5, "eth1"), off]);
        let serve: Vec<_> = known.for_config().0.iter().map(|interface| interface.serve).collect();
        assert_eq!(serve, [true, false, false]);
        assert_eq!(known.missing().count(), 0);
        known.update(vec![state(4, "eth0")]);
        assert_eq!(known.missing().collect::<Vec<_>>(), ["eth7"]);
    }
}
