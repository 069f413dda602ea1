use std::process::Command;

use lease_store::container::ContainerName;
use proptest::prelude::*;

use super::*;

fn camera() -> NamedLease {
    NamedLease::camera()
}

fn told<'a>(lease: &'a NamedLease, network: &'a ContainerName) -> Told<'a> {
    Told { status: Status::Leased, network, lease }
}

#[test]
fn sh_is_golden() {
    let (lease, network) = (camera(), "vlan1".parse().unwrap());
    let golden = "\
HYDRANT_STATUS='leased'
HYDRANT_NAME='camera'
HYDRANT_VLAN='1'
HYDRANT_INTERFACE='eth0.1'
HYDRANT_NETWORK='vlan1'
HYDRANT_MAC='02:19:10:de:8a:92'
HYDRANT_IP='10.0.1.77'
HYDRANT_PREFIX_LEN='24'
HYDRANT_NETMASK='255.255.255.0'
HYDRANT_SUBNET='10.0.1.0/24'
HYDRANT_BROADCAST='10.0.1.255'
HYDRANT_GATEWAY='10.0.1.3'
HYDRANT_ROUTERS='10.0.1.3'
HYDRANT_ROUTES='0.0.0.0/0 10.0.1.3'
HYDRANT_DNS='8.8.8.8 8.8.4.4'
HYDRANT_DOMAIN='truck.example'
HYDRANT_SEARCH=''
HYDRANT_NTP=''
HYDRANT_MTU=''
HYDRANT_SERVER='10.0.1.1'
HYDRANT_LEASED_AT='1750000000'
HYDRANT_EXPIRES_AT='1750003600'
";
    let told = told(&lease, &network);
    assert_eq!(told.render(Format::Sh), golden);
    assert_eq!(told.render(Format::Env), golden.replace('\'', ""), "the same without quotes");
}

#[test]
fn the_other_formats_are_golden() {
    let (lease, network) = (camera(), "vlan1".parse().unwrap());
    let told = told(&lease, &network);
    let docker = "--network vlan1 --ip 10.0.1.77 --mac-address 02:19:10:de:8a:92\n";
    assert_eq!(told.render(Format::Docker), docker);
    assert_eq!(told.render(Format::Ip), "10.0.1.77\n");
    assert_eq!(told.render(Format::Mac), "02:19:10:de:8a:92\n");
    let json = concat!(
        r#"{"status":"leased","network":"vlan1","name":"camera","vlan":1,"interface":"eth0.1","#,
        r#""mac":"02:19:10:de:8a:92","address":"10.0.1.77","prefix_len":24,"routers":["10.0.1.3"],"#,
        r#""dns":["8.8.8.8","8.8.4.4"],"domain":"truck.example","search":[],"ntp":[],"mtu":null,"#,
        r#""routes":[{"to":"0.0.0.0","prefix_len":0,"gateway":"10.0.1.3"}],"server":"10.0.1.1","via":"dhcp","#,
        r#""leased_at":"2025-06-15T15:06:40Z","renew_at":"2025-06-15T15:36:40Z","#,
        r#""rebind_at":"2025-06-15T15:59:10Z","expires_at":"2025-06-15T16:06:40Z"}"#,
        "\n"
    );
    assert_eq!(told.render(Format::Json), json);
}

#[test]
fn a_lease_without_end_never_expires() {
    let lease = NamedLease { expires_at: None, ..camera() };
    let network = "vlan1".parse().unwrap();
    let variables = told(&lease, &network).variables();
    assert_eq!(variables[21], ("HYDRANT_EXPIRES_AT", "never".to_owned()));
}

/// What `sh -c` makes of `script`: its standard output and its exit code.
fn sh(script: &str) -> (Vec<u8>, Option<i32>) {
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    (output.stdout, output.status.code())
}

#[test]
fn eval_of_a_failure_fails_with_its_code_and_forgets_the_last_address() {
    let failed = failure(Format::Sh, Exit::NoServer);
    let script = format!("HYDRANT_IP=1.2.3.4; eval {}; echo $? \"[$HYDRANT_IP]\"", quoted(&failed));
    assert_eq!(sh(&script).0, b"5 []\n");
    let script = format!("set -e; eval {}; echo survived", quoted(&failed));
    assert_eq!(sh(&script), (Vec::new(), Some(5)));
    for format in [Format::Json, Format::Env, Format::Docker, Format::Ip, Format::Mac] {
        assert_eq!(failure(format, Exit::NoServer), "");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Interface names and the like may be anything but NUL.
    #[test]
    fn a_shell_reads_back_what_was_quoted(value in "[^\0]{0,40}", quotes in "['\"\\\\$`\n *!#~]{0,12}") {
        let value = value + &quotes;
        let assignment = format!("X={}", quoted(&value));
        let script = format!("eval {}; printf %s \"$X\"", quoted(&assignment));
        prop_assert_eq!(sh(&script), (value.into_bytes(), Some(0)));
    }

    #[test]
    fn dockers_arguments_survive_word_splitting(name in "[a-zA-Z0-9][a-zA-Z0-9_.-]{0,20}", address in any::<u32>()) {
        let (lease, network) = (NamedLease { address: address.into(), ..camera() }, name.parse().unwrap());
        let told = told(&lease, &network);
        let script = format!("X={}; printf '%s\\n' $X", quoted(&told.render(Format::Docker)));
        let lines = told.docker().map(|word| word + "\n").concat();
        prop_assert_eq!(sh(&script), (lines.into_bytes(), Some(0)));
    }
}
