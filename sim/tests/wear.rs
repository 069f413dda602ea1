//! The flash lives as long as it was promised to.

use sim::wear::{Load, measure, measure_all};

const LOAD: Load = Load { leases: 64, sectors: 4, renewals: 20_000, slack_secs: 0 };

#[test]
fn a_renewal_costs_no_more_than_its_budget() {
    for (report, octets, erases) in [
        (measure::<1>(LOAD), 18.0, 4.5),
        (measure::<4>(LOAD), 18.0, 4.5),
        (measure::<8>(LOAD), 24.0, 6.0),
    ] {
        assert_eq!(report.recorded, LOAD.renewals);
        assert!(report.octets_per_renewal() <= octets, "{report}");
        assert!(report.erases_per_1000() <= erases, "{report}");
    }
}

#[test]
fn sectors_wear_alike() {
    for report in measure_all(LOAD) {
        assert!(report.unevenness() <= 2, "{report}: {:?}", report.erased);
    }
}

#[test]
fn a_promise_beyond_the_lease_saves_most_records() {
    let with = measure::<4>(Load { slack_secs: 8 * 3_600, ..LOAD });
    assert!(with.recorded * 10 < LOAD.renewals, "{with}");
    assert!(with.erases_per_1000() < 0.5, "{with}");
}
