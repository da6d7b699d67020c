//! The examples in `deploy/`: they parse, and name ports, paths, metrics and settings that exist.

use std::collections::BTreeSet;
use std::path::PathBuf;

use naslane::base::metrics::Metrics;
use naslane::sidecar::config::StoreKind;
use naslane::sidecar::exposition;
use naslane::sidecar::http::DEFAULT_ADDRESS;
use naslane::sidecar::{Config, Standing};
use yaml_rust2::{Yaml, YamlLoader};

use super::strict;

const SOCKET: &str = "/run/naslane/naslane.sock";
const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

fn text(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

fn yaml(name: &str) -> Vec<Yaml> {
    YamlLoader::load_from_str(&text(name)).unwrap_or_else(|why| panic!("{name}: {why}"))
}

fn port() -> i64 {
    let (_, port) = DEFAULT_ADDRESS.rsplit_once(':').expect("a port");
    port.parse().expect("a port")
}

fn document(kind: &str) -> Yaml {
    let mut all = yaml("kubernetes.yaml").into_iter();
    all.find(|document| document["kind"].as_str() == Some(kind))
        .expect(kind)
}

/// Every text in a tree of YAML.
fn strings(yaml: &Yaml, out: &mut Vec<String>) {
    match yaml {
        Yaml::String(text) => out.push(text.clone()),
        Yaml::Array(items) => items.iter().for_each(|item| strings(item, out)),
        Yaml::Hash(pairs) => pairs.values().for_each(|value| strings(value, out)),
        _ => {}
    }
}

#[test]
fn the_pod_has_a_native_sidecar() {
    let pod = &document("StatefulSet")["spec"]["template"];
    let spec = &pod["spec"];
    let sidecar = &spec["initContainers"][0];
    assert_eq!(sidecar["restartPolicy"].as_str(), Some("Always"));
    assert_eq!(sidecar["command"][0].as_str(), Some("naslane"));
    assert_eq!(sidecar["args"][0].as_str(), Some("serve"));
    assert_eq!(
        sidecar["args"][2].as_str(),
        Some("/etc/naslane/naslane.toml")
    );
    assert_eq!(sidecar["ports"][0]["containerPort"].as_i64(), Some(port()));
    let name = sidecar["ports"][0]["name"].as_str();
    assert!(name.is_some_and(|name| name.len() <= 15));
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/livez"),
    ] {
        let get = &sidecar[probe]["httpGet"];
        assert_eq!(get["path"].as_str(), Some(path), "{probe}");
        assert_eq!(get["port"].as_str(), name, "{probe}");
    }
    let annotations = &pod["metadata"]["annotations"];
    assert_eq!(
        annotations["prometheus.io/port"].as_str(),
        Some(port().to_string().as_str())
    );
    assert_eq!(annotations["prometheus.io/path"].as_str(), Some("/metrics"));
    let volume = &spec["volumes"][0];
    assert_eq!(volume["emptyDir"]["medium"].as_str(), Some("Memory"));
    for container in [sidecar, &spec["containers"][0]] {
        // Class Guaranteed with whole CPUs.
        let resources = &container["resources"];
        assert_eq!(resources["requests"], resources["limits"]);
        let cpu = resources["limits"]["cpu"]
            .as_str()
            .and_then(|cpu| cpu.parse::<u32>().ok());
        assert!(cpu.is_some_and(|cpu| cpu > 0));
        let security = &container["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false));
        assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true));
        assert_eq!(security["capabilities"]["drop"][0].as_str(), Some("ALL"));
        let mount = &container["volumeMounts"][0];
        assert_eq!(mount["name"], volume["name"]);
        assert_eq!(
            mount["mountPath"].as_str(),
            SOCKET.rsplit_once('/').map(|(folder, _)| folder)
        );
    }
    assert_eq!(
        spec["securityContext"]["runAsNonRoot"].as_bool(),
        Some(true)
    );
    let policy = document("NetworkPolicy");
    assert_eq!(
        policy["spec"]["ingress"][0]["ports"][0]["port"].as_i64(),
        Some(port())
    );
    assert_eq!(
        policy["spec"]["podSelector"]["matchLabels"],
        pod["metadata"]["labels"]
    );
}

#[test]
fn the_pods_settings_serve_its_user_and_its_probes() {
    let map = document("ConfigMap");
    let settings = map["data"]["naslane.toml"].as_str().expect("settings");
    let settings: toml::Table = settings.parse().expect("TOML");
    assert_eq!(settings["socket"].as_str(), Some(SOCKET));
    assert_eq!(
        settings["http"]["listen"].as_str(),
        Some(format!("0.0.0.0:{}", port()).as_str())
    );
    let spec = &document("StatefulSet")["spec"]["template"]["spec"];
    let user = spec["securityContext"]["runAsUser"].as_i64();
    assert_eq!(settings["clients"]["allow_uids"][0].as_integer(), user);
    let volume = &spec["volumes"][1]["configMap"]["name"];
    assert_eq!(volume, &map["metadata"]["name"]);
    let cpu = &spec["initContainers"][0]["resources"]["limits"]["cpu"];
    let cpu: i64 = cpu
        .as_str()
        .and_then(|cpu| cpu.parse().ok())
        .expect("whole");
    assert_eq!(settings["workers"]["count"].as_integer(), Some(cpu - 1));
    let env = &spec["containers"][0]["env"][0]["value"];
    assert_eq!(env.as_str(), Some(SOCKET));
}

#[test]
fn prometheus_asks_where_naslane_answers() {
    let [config] = &yaml("prometheus.yml")[..] else {
        panic!("one document");
    };
    let jobs = config["scrape_configs"].as_vec().expect("jobs");
    assert!(
        jobs.iter()
            .all(|job| job["metrics_path"].as_str() == Some("/metrics"))
    );
    assert_eq!(
        jobs[0]["static_configs"][0]["targets"][0].as_str(),
        Some(DEFAULT_ADDRESS)
    );
    let sidecar = &document("StatefulSet")["spec"]["template"]["spec"]["initContainers"][0];
    assert_eq!(
        jobs[1]["relabel_configs"][0]["regex"],
        sidecar["ports"][0]["name"]
    );
    let rules = config["rule_files"][0].as_str().expect("rules");
    assert!(!yaml(rules).is_empty());
}

#[test]
fn the_set_shares_a_store_and_finds_its_keys() {
    let all = yaml("kubernetes-set.yaml");
    let find = |kind: &str| {
        let mut found = all.iter().filter(|one| one["kind"].as_str() == Some(kind));
        found.next().expect("there")
    };
    let settings = find("ConfigMap")["data"]["naslane.toml"].as_str();
    let config = Config::parse(settings.expect("settings")).expect("settings are right");
    assert_eq!(config.store.kind, StoreKind::Etcd);
    assert_eq!(config.store.endpoints.len(), 3);
    assert!(config.store.ttl_seconds < 10);
    let set = &find("StatefulSet")["spec"];
    assert_eq!(set["replicas"].as_i64(), Some(3));
    let spec = &set["template"]["spec"];
    let user = spec["securityContext"]["runAsUser"].as_i64();
    assert_eq!(
        config.clients.allow_uids.first().copied().map(i64::from),
        user
    );
    let mounts = spec["initContainers"][0]["volumeMounts"].as_vec();
    let mounts: Vec<&str> = mounts
        .expect("mounts")
        .iter()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    let store = &config.store;
    let files = [&store.ca_file, &store.cert_file, &store.key_file];
    let sources = [&store.kek, &store.print_key].map(|source| source.trim_start_matches("file:"));
    for path in files
        .into_iter()
        .filter_map(|path| path.to_str())
        .chain(sources)
    {
        let mounted = mounts.iter().any(|mount| path.starts_with(mount));
        assert!(mounted, "{path} is in no volume");
    }
    let budget = find("PodDisruptionBudget");
    assert_eq!(
        budget["spec"]["selector"]["matchLabels"],
        set["selector"]["matchLabels"]
    );
}

/// Every metric that a rule, a job or the README speaks of is one that naslane has, and the README has them all.
#[test]
fn metrics_that_are_spoken_of_exist() {
    let page = exposition::write(&Metrics::new(1).snapshot());
    let store = strict::parse(&exposition::write_standing(&Standing::default())).expect("valid");
    let figures = exposition::SliceFigures {
        answers: vec![("request", 1)],
        ..Default::default()
    };
    let slices = strict::parse(&exposition::write_slices(&figures)).expect("valid");
    let known: BTreeSet<String> = strict::parse(&page).expect("valid").into_keys().collect();
    let of_histogram = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"].into_iter();
        ends.filter_map(|end| name.strip_suffix(end))
            .any(|name| known.contains(name))
    };
    let mut rules = Vec::new();
    yaml("naslane-rules.yml")
        .iter()
        .for_each(|rule| strings(rule, &mut rules));
    let readme = text("README.md");
    for spoken in rules.iter().map(String::as_str).chain([readme.as_str()]) {
        let words = spoken.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("naslane_")) {
            assert!(
                known.contains(name)
                    || of_histogram(name)
                    || store.contains_key(name)
                    || slices.contains_key(name),
                "{name} in {spoken}"
            );
        }
    }
    for name in slices.keys() {
        assert!(readme.contains(name.as_str()), "README.md lacks {name}");
    }
    let rates = [
        "_turns_total",
        "_wakeups_total",
        "_sleeps_total",
        "_rings_total",
        "_defects_total",
    ];
    for name in &known {
        let short = rates
            .iter()
            .any(|end| name.ends_with(end) && readme.contains(end));
        let build = name == "naslane_build_info";
        assert!(
            short || build || readme.contains(name.as_str()),
            "README.md lacks {name}"
        );
    }
    assert!(PATHS.iter().all(|path| readme.contains(path)) && readme.contains(DEFAULT_ADDRESS));
}

/// The dashboard is JSON that Grafana can import, shows every metric, and asks for none that is not there.
#[test]
fn the_dashboard_shows_every_metric() {
    let dashboard: serde_json::Value = serde_json::from_str(&text("dashboard.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut asked = Vec::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64().expect("a number")),
            "{panel}"
        );
        let place = &panel["gridPos"];
        let [x, w] = ["x", "w"].map(|key| place[key].as_u64().expect("a place"));
        assert!(x + w <= 24, "{panel}");
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty() && panel["title"].as_str() != Some(""));
        asked.extend(targets.iter().map(|target| {
            let expression = target["expr"].as_str().expect("an expression");
            let open = expression.matches('(').count();
            assert_eq!(open, expression.matches(')').count(), "{expression}");
            expression.to_owned()
        }));
    }
    let page = exposition::write(&Metrics::new(1).snapshot());
    let known: BTreeSet<String> = strict::parse(&page).expect("valid").into_keys().collect();
    let mut shown = BTreeSet::new();
    for expression in &asked {
        let words = expression.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let names = words.filter(|word| word.starts_with("naslane_"));
        let before = shown.len();
        for name in names {
            let ends = ["", "_bucket", "_sum", "_count"].into_iter();
            let family = ends
                .filter_map(|end| name.strip_suffix(end))
                .find(|name| known.contains(*name));
            shown.insert(
                family
                    .unwrap_or_else(|| panic!("{name} in {expression}"))
                    .to_owned(),
            );
        }
        assert!(shown.len() > before || expression.contains("naslane_"));
    }
    let missing: Vec<_> = known.difference(&shown).collect();
    assert!(missing.is_empty(), "no panel shows {missing:?}");
}

#[test]
fn the_unit_starts_the_daemon_as_the_readme_says() {
    let unit = text("naslane.service");
    let set = |key: &str| -> Vec<&str> {
        let lines = unit.lines().filter_map(|line| line.split_once('='));
        lines
            .filter(|(own, _)| *own == key)
            .map(|(_, value)| value)
            .collect()
    };
    let sections: Vec<&str> = unit.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(sections, ["[Unit]", "[Service]", "[Install]"]);
    assert_eq!(
        set("ExecStart"),
        ["/usr/local/bin/naslane serve --config /etc/naslane/naslane.toml"]
    );
    assert_eq!(set("RuntimeDirectory"), ["naslane"]);
    for (key, value) in [
        ("LimitMEMLOCK", "infinity"),
        ("LimitCORE", "0"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
        ("KillSignal", "SIGTERM"),
    ] {
        assert_eq!(set(key), [value], "{key}");
    }
    assert!(set("ExecReload")[0].contains("-HUP"));
    // Every file that the README names is there, and every other one is named.
    let readme = text("README.md");
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy");
    for entry in std::fs::read_dir(folder).expect("deploy/") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        assert!(
            name == "README.md" || readme.contains(&format!("`{name}`")),
            "{name}"
        );
    }
}
