//! Does a container keep its address under Docker itself? The lines of the README, with a dockerd in a node of its own.
//!
//! Not among the tests of every day: a machine without Docker need not get it for them. `scripts/install-test-tools docker.io` installs it, and
//! `cargo test -p hydrant --test e2e docker -- --ignored` runs this.

use core::time::Duration;
use std::fs;
use std::process::Command;

use hydrant::testbed::{Child, Node, find};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{self, DIR};
use crate::ours::HYDRANT;
use crate::serving::{Serving, server_on};
use crate::tools;

/// For dockerd to answer, and for one command of Docker's.
const DOCKER_MAX: Duration = Duration::from_secs(40);

/// Where dockerd is asked: in [`DIR`].
const HOST: &str = "unix:///run/hydrant-e2e/docker.sock";

const CONFIG: &str = r#"
authoritative = true
lease-time = "1h"

[[subnet]]
network = "10.0.1.0/24"
range = "10.0.1.2 - 10.0.1.200"
options = { routers = "10.0.1.3" }
ping-check = false
"#;

/// A dockerd and what it has running.
struct Dockerd {
    node: Node,
    daemon: Child,
    /// How often it was started: what it keeps in /run is new each time, as after a start of the machine.
    starts: u32,
}

impl Dockerd {
    fn start(node: &Node) -> Self {
        Self { node: node.clone(), daemon: Self::launch(node, 1), starts: 1 }
    }

    fn again(&mut self) {
        self.starts += 1;
        self.daemon = Self::launch(&self.node, self.starts);
    }

    fn launch(node: &Node, start: u32) -> Child {
        // Entered without a new /sys, where `ip netns exec` hides the control groups that dockerd needs.
        let mut command = Command::new(find("nsenter").unwrap());
        command.arg(format!("--net=/run/netns/{}", node.name())).arg(find("dockerd").unwrap());
        command.args(["--storage-driver", "vfs", "--ip6tables=false", "--host", HOST]);
        command.args(["--data-root", &format!("{DIR}/docker")]);
        command.args(["--exec-root", &format!("{DIR}/docker-run{start}")]);
        command.args(["--pidfile", &format!("{DIR}/docker{start}.pid")]);
        let daemon = Child::start(command).unwrap();
        daemon.line("API listen on", DOCKER_MAX).unwrap_or_else(|error| panic!("{error}"));
        daemon
    }

    /// A shell's line, in which `docker` and `hydrant` are what they are for a user.
    fn shell(&self, line: &str) -> String {
        // Debian's client before any other: it is of the daemon's version.
        let hydrant = format!(
            "PATH=/usr/bin:$PATH; hydrant() {{ {HYDRANT} \"$@\" --state {DIR}/server-state; }}"
        );
        let mut command = self.node.command("sh").unwrap();
        command.args(["-euc", &format!("{hydrant}\n{line}")]).env("DOCKER_HOST", HOST);
        let mut child = Child::start(command).unwrap();
        let status = child.end(DOCKER_MAX).unwrap_or_else(|error| panic!("{error}"));
        assert!(status.success(), "{line}: {}", child.said());
        child.stdout().trim().to_owned()
    }

    /// What the container itself sees: the interface's MAC and its address with the prefix.
    fn seen_in(&self, container: &str) -> (String, String) {
        let mac = self.shell(&format!("docker exec {container} cat /sys/class/net/eth0/address"));
        let shown = self.shell(&format!("docker exec {container} ip -o -4 addr show dev eth0"));
        let address = shown.split_whitespace().nth(3).expect("`inet` and the address");
        (mac, address.to_owned())
    }

    /// Everything of Docker's dies at once, containers too, as when the power is cut.
    fn cut(&mut self) {
        self.daemon.kill();
        let ours = ["containerd", "containerd-shim", "sleep"];
        // Only what was started in this test's private machine has a number here.
        for process in fs::read_dir("/proc").unwrap() {
            let process = process.unwrap();
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let id = process.file_name().to_str().and_then(|id| id.parse().ok());
            if let Some(id) = id.and_then(Pid::from_raw)
                && ours.contains(&name.trim())
            {
                // It may have gone with its parent.
                let _ = kill_process(id, Signal::KILL);
            }
        }
        // The kernel's part: the containers' networks end when nothing holds them. Those of removed containers have ended already.
        let networks = fs::read_dir(format!("{DIR}/docker-run{}/netns", self.starts)).unwrap();
        let networks = networks.map(|network| network.unwrap().path());
        Command::new("umount").args(networks).output().unwrap();
    }
}

/// An image with busybox alone.
fn import_image(docker: &Dockerd) {
    docker.shell(&format!(
        "mkdir -p {DIR}/image/bin; cp \"$(command -v busybox)\" {DIR}/image/bin/busybox
         for applet in sh cat ip sleep; do ln -s busybox {DIR}/image/bin/$applet; done
         tar -c -C {DIR}/image . | docker import - my/camera"
    ));
}

/// `docker run` as the README has it, in its two forms.
fn run(docker: &Dockerd, name: &str) {
    docker.shell(&format!(
        "docker run -d --name {name} $(hydrant lease {name} --vlan 1 --format docker) my/camera sleep 3600"
    ));
}

fn exec(docker: &Dockerd, name: &str) {
    docker.shell(&format!(
        "{HYDRANT} exec {name} --vlan 1 --state {DIR}/server-state -- docker run -d --name {name} {{docker}} my/camera sleep 3600"
    ));
}

#[test]
#[ignore = "wants Docker; scripts/install-test-tools docker.io"]
fn containers_keep_their_addresses_under_docker() {
    harness::run(&["dockerd", "docker", "nsenter", "busybox", "ping"], |bed| {
        let (server, segments) = server_on(bed, &[1]);
        let mut serving = Serving::start(&server, "toml", CONFIG);
        let mut docker = Dockerd::start(&server);
        import_image(&docker);
        docker.shell("docker network create -d macvlan --subnet 10.0.1.0/24 --gateway 10.0.1.3 -o parent=vlan1 vlan1");

        run(&docker, "camera");
        exec(&docker, "radio");
        let [camera, radio] = ["camera", "radio"].map(|name| docker.seen_in(name));
        assert_ne!(camera.0, radio.0);
        assert_ne!(camera.1, radio.1);
        // They have what the record says, and a device on the VLAN reaches them.
        let recorded = serving.leases();
        let device = tools::node_on(bed, "device", &segments[0]);
        device.ip("addr add 10.0.1.250/24 dev eth0").unwrap();
        for (name, (mac, address)) in [("camera", &camera), ("radio", &radio)] {
            let lease = recorded.iter().find(|lease| lease["name"] == name).unwrap();
            assert_eq!(lease["mac"], *mac, "{name}");
            let bare = address.strip_suffix("/24").unwrap();
            assert_eq!(lease["address"], bare, "{name}");
            let mut ping = device.start("ping", ["-c", "1", "-W", "5", bare]).unwrap();
            assert!(ping.end(DOCKER_MAX).unwrap().success(), "{name}: {}", ping.said());
        }

        // Removed and made anew, with somebody new in between.
        docker.shell("docker rm -f camera");
        run(&docker, "lamp");
        run(&docker, "camera");
        assert_eq!(docker.seen_in("camera"), camera);

        // The power is cut: one container is started as it was, the others are made anew, in another order.
        let lamp = docker.seen_in("lamp");
        serving.cut();
        docker.cut();
        serving.again();
        docker.again();
        docker.shell("docker start camera; docker rm -f radio lamp");
        run(&docker, "lamp");
        exec(&docker, "radio");
        for (name, before) in [("camera", &camera), ("radio", &radio), ("lamp", &lamp)] {
            assert_eq!(docker.seen_in(name), *before, "{name}");
        }
        // What Docker made in the machine's control groups goes with the containers.
        docker.shell("docker rm -f camera radio lamp");
    });
}
