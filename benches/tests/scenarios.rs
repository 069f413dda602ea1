//! Does every scenario do its work, the same in every run? Prints the checksum of what each decided.

use benches::scenario::{Scale, visit_all};

#[test]
fn every_scenario_decides_the_same_again_after_a_reset() {
    let mut seen = Vec::new();
    visit_all(Scale::Small, &mut |name, scenario| {
        let first = scenario.run();
        scenario.reset();
        let second = scenario.run();
        scenario.reset();
        println!("{name:<48} {first:016x}");
        assert!(scenario.operations() > 0, "{name} does nothing");
        assert_eq!(first, second, "{name}");
        assert!(!seen.contains(&name.to_owned()), "two scenarios are called {name}");
        seen.push(name.to_owned());
    });
    assert!(seen.len() >= 2, "{seen:?}");
}
