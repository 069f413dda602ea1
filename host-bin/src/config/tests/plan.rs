//! The options that the plan names: both languages accept each, and make the same octets of it (RFC 2132 and the RFCs of the later ones).

use super::*;

/// Code, name, value in TOML, value in `dhcpd.conf`, octets on the wire.
type Golden = (u8, &'static str, &'static str, &'static str, &'static [u8]);

const PLAN: [Golden; 30] = [
    (1, "subnet-mask", r#""255.255.255.0""#, "255.255.255.0", &[255, 255, 255, 0]),
    (2, "time-offset", "-3600", "-3600", &[0xff, 0xff, 0xf1, 0xf0]),
    (
        3,
        "routers",
        r#"["10.0.1.3", "10.0.1.4"]"#,
        "10.0.1.3, 10.0.1.4",
        &[10, 0, 1, 3, 10, 0, 1, 4],
    ),
    (4, "time-servers", r#""10.0.1.5""#, "10.0.1.5", &[10, 0, 1, 5]),
    (
        6,
        "domain-name-servers",
        r#"["8.8.8.8", "8.8.4.4"]"#,
        "8.8.8.8, 8.8.4.4",
        &[8, 8, 8, 8, 8, 8, 4, 4],
    ),
    (7, "log-servers", r#""10.0.1.6""#, "10.0.1.6", &[10, 0, 1, 6]),
    (12, "host-name", r#""cam""#, r#""cam""#, b"cam"),
    (15, "domain-name", r#""truck.lan""#, r#""truck.lan""#, b"truck.lan"),
    (23, "default-ip-ttl", "64", "64", &[64]),
    (26, "interface-mtu", "1400", "1400", &[5, 120]),
    (28, "broadcast-address", r#""10.0.1.255""#, "10.0.1.255", &[10, 0, 1, 255]),
    (
        33,
        "static-routes",
        r#"[["10.9.0.1", "10.0.1.3"]]"#,
        "10.9.0.1 10.0.1.3",
        &[10, 9, 0, 1, 10, 0, 1, 3],
    ),
    (35, "arp-cache-timeout", "300", "300", &[0, 0, 1, 44]),
    (42, "ntp-servers", r#""10.0.1.7""#, "10.0.1.7", &[10, 0, 1, 7]),
    (43, "vendor-encapsulated-options", r#"{ hex = "01:02:03:04" }"#, "01:02:03:04", &[1, 2, 3, 4]),
    (44, "netbios-name-servers", r#""10.0.1.8""#, "10.0.1.8", &[10, 0, 1, 8]),
    (60, "vendor-class-identifier", r#""PXEClient""#, r#""PXEClient""#, b"PXEClient"),
    (66, "tftp-server-name", r#""boot.lan""#, r#""boot.lan""#, b"boot.lan"),
    (67, "bootfile-name", r#""pxe/boot.img""#, r#""pxe/boot.img""#, b"pxe/boot.img"),
    (72, "www-server", r#""10.0.1.9""#, "10.0.1.9", &[10, 0, 1, 9]),
    (77, "user-class", r#""truck""#, r#""truck""#, b"truck"),
    (100, "pcode", r#""CET-1CEST""#, r#""CET-1CEST""#, b"CET-1CEST"),
    (101, "tcode", r#""Europe/Berlin""#, r#""Europe/Berlin""#, b"Europe/Berlin"),
    (108, "v6-only-preferred", "1800", "1800", &[0, 0, 7, 8]),
    (114, "captive-portal", r#""https://p.lan""#, r#""https://p.lan""#, b"https://p.lan"),
    (
        119,
        "domain-search",
        r#"["a.lan", "b.lan"]"#,
        r#""a.lan", "b.lan""#,
        b"\x01a\x03lan\0\x01b\xc0\x02",
    ),
    (
        121,
        "classless-static-routes",
        r#"["10.0.2.0/24 10.0.1.3"]"#,
        "24, 10, 0, 2, 10, 0, 1, 3",
        &[24, 10, 0, 2, 10, 0, 1, 3],
    ),
    (
        125,
        "vivso",
        r#"{ hex = "00:00:0d:e9:02:01:00" }"#,
        "00:00:0d:e9:02:01:00",
        &[0, 0, 13, 233, 2, 1, 0],
    ),
    (138, "capwap-ac-v4", r#""10.0.1.20""#, "10.0.1.20", &[10, 0, 1, 20]),
    (150, "tftp-server-address", r#""10.0.1.21""#, "10.0.1.21", &[10, 0, 1, 21]),
];

fn toml_with(options: &str) -> String {
    format!(
        "[[subnet]]\nnetwork = \"10.0.1.0/24\"\nrange = \"10.0.1.30 - 10.0.1.39\"\n[subnet.options]\n{options}\n"
    )
}

fn dhcpd_with(options: &str) -> String {
    format!("subnet 10.0.1.0 netmask 255.255.255.0 {{ range 10.0.1.30 10.0.1.39; {options} }}\n")
}

fn accepted(text: &str, language: Language) -> Config {
    let loaded = load_text(Path::new("plan"), text.to_owned(), language);
    let Loaded { config, report, sources } = loaded;
    config.unwrap_or_else(|| panic!("{text}\n{}", report.render(&sources, report::Look::Plain)))
}

fn octets(config: &Config, code: u8) -> Option<Vec<u8>> {
    config.subnets[0].pools[0].terms.options.get(&code).cloned()
}

#[test]
fn every_option_of_the_plan_is_the_same_octets_in_both_languages() {
    for (code, name, toml, dhcpd, expected) in PLAN {
        for key in [name.to_owned(), code.to_string()] {
            let config = accepted(&toml_with(&format!("{key} = {toml}")), Language::Toml);
            assert_eq!(octets(&config, code).as_deref(), Some(expected), "TOML, {key}");
        }
        let config = accepted(&dhcpd_with(&format!("option {name} {dhcpd};")), Language::Dhcpd);
        assert_eq!(octets(&config, code).as_deref(), Some(expected), "dhcpd.conf, {name}");
    }
}

/// Option 51 is the lease's, and is said with it.
#[test]
fn option_51_is_the_default_lease_time() {
    let time = |config: Config| config.subnets[0].pools[0].terms.lease_default;
    let toml = accepted(&toml_with("dhcp-lease-time = 900"), Language::Toml);
    let dhcpd = accepted(&dhcpd_with("option dhcp-lease-time 900;"), Language::Dhcpd);
    assert_eq!(time(toml), dhcp_core::time::LeaseTime::Secs(900));
    assert_eq!(time(dhcpd), dhcp_core::time::LeaseTime::Secs(900));
}

#[test]
fn any_other_option_is_set_by_number_and_hex() {
    for code in (1..=254).filter(|code| options::objection(*code).is_none()) {
        // The node type is one of four; 51 and 54 are the lease time and our own address, and no options of their own.
        if matches!(code, 46 | 51 | 54) || PLAN.iter().any(|golden| golden.0 == code) {
            continue;
        }
        let config =
            accepted(&toml_with(&format!("{code} = {{ hex = \"0a:00:01:07\" }}")), Language::Toml);
        assert_eq!(octets(&config, code), Some(vec![10, 0, 1, 7]), "TOML, {code}");
        let text = format!("option option-{code} 0a:00:01:07;");
        let config = accepted(&dhcpd_with(&text), Language::Dhcpd);
        assert_eq!(octets(&config, code), Some(vec![10, 0, 1, 7]), "dhcpd.conf, {code}");
    }
}
