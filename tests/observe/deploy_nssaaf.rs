//! `deploy/nssaaf-kubernetes.yaml`: it parses, its settings are ones that `naslane nssaaf` takes, and its parts name the
//! same ports, paths and labels.

use std::path::PathBuf;

use naslane::nssaaf::producer::config::Config;
use yaml_rust2::{Yaml, YamlLoader};

const CONFIG: &str = "/etc/naslane/nssaaf.toml";
const SECRETS: &str = "/etc/naslane/secrets";

fn documents() -> Vec<Yaml> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/nssaaf-kubernetes.yaml");
    YamlLoader::load_from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn document(kind: &str, name: &str) -> Yaml {
    let named = |document: &Yaml| {
        let own = (&document["kind"], &document["metadata"]["name"]);
        (own.0.as_str(), own.1.as_str()) == (Some(kind), Some(name))
    };
    documents().into_iter().find(named).expect(name)
}

fn settings() -> (String, toml::Table) {
    let map = document("ConfigMap", "nssaaf");
    let text = map["data"]["nssaaf.toml"].as_str().expect("settings");
    (text.to_owned(), text.parse().expect("TOML"))
}

/// The port of an address in the settings.
fn port(settings: &toml::Table, key: &str) -> i64 {
    let address = settings[key].as_str().expect(key);
    let (_, port) = address.rsplit_once(':').expect("a port");
    port.parse().expect("a port")
}

#[test]
fn the_nssaaf_takes_its_settings_and_finds_its_secret() {
    let (text, table) = settings();
    // The secrets lie in the Secret; the least that may stand there is in it already.
    let secret = document("Secret", "nssaaf-radius");
    let mut inline = text.clone();
    let mut named = 0;
    for piece in text.split("secret_file = \"").skip(1) {
        let (path, _) = piece.split_once('"').unwrap();
        let (folder, file) = path.rsplit_once('/').unwrap();
        let value = secret["stringData"][file].as_str().expect(file);
        assert_eq!(folder, SECRETS);
        let (from, to) = (
            format!("secret_file = \"{path}\""),
            format!("secret = \"{value}\""),
        );
        inline = inline.replace(&from, &to);
        named += 1;
    }
    assert!(named >= 2);
    let config = Config::parse(&inline).unwrap();
    assert!(config.admin.is_some_and(|admin| admin.ip().is_loopback()));
    let service = document("Service", "nssaaf");
    let name = service["metadata"]["name"].as_str().unwrap();
    let root = config
        .api_root
        .expect("a name for the place of an authentication");
    let host = format!("http://{name}.");
    assert!(root.starts_with(&host) && root.ends_with(&format!(":{}", port(&table, "listen"))));
}

#[test]
fn pod_services_and_policy_agree() {
    let (_, table) = settings();
    let deployment = document("Deployment", "nssaaf");
    assert_eq!(deployment["spec"]["replicas"].as_i64(), Some(1));
    let pod = &deployment["spec"]["template"];
    let labels = &pod["metadata"]["labels"];
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
    let spec = &pod["spec"];
    assert_eq!(
        spec["securityContext"]["runAsNonRoot"].as_bool(),
        Some(true)
    );
    let container = &spec["containers"][0];
    let args: Vec<_> = (0..3)
        .map(|place| container["args"][place].as_str())
        .collect();
    assert_eq!(args, [Some("nssaaf"), Some("--config"), Some(CONFIG)]);
    let security = &container["securityContext"];
    assert_eq!(security["allowPrivilegeEscalation"].as_bool(), Some(false));
    assert_eq!(security["readOnlyRootFilesystem"].as_bool(), Some(true));
    assert_eq!(security["capabilities"]["drop"][0].as_str(), Some("ALL"));
    for (place, key, service, protocol) in [
        (0, "listen", "nssaaf", None),
        (1, "dynamic", "nssaaf-dynamic", Some("UDP")),
    ] {
        let own = &container["ports"][place];
        assert_eq!(own["containerPort"].as_i64(), Some(port(&table, key)));
        assert_eq!(own["protocol"].as_str(), protocol);
        let service = document("Service", service);
        assert_eq!(&service["spec"]["selector"], labels);
        let outside = &service["spec"]["ports"][0];
        assert_eq!(outside["port"], own["containerPort"]);
        assert_eq!(outside["targetPort"], own["name"]);
        assert_eq!(outside["protocol"].as_str(), protocol);
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(
            container[probe]["tcpSocket"]["port"],
            container["ports"][0]["name"]
        );
    }
    let mounts = [
        (CONFIG.rsplit_once('/').unwrap().0, "configMap", "name"),
        (SECRETS, "secret", "secretName"),
    ];
    for (place, (path, kind, key)) in mounts.into_iter().enumerate() {
        let (mount, volume) = (&container["volumeMounts"][place], &spec["volumes"][place]);
        assert_eq!(mount["name"], volume["name"]);
        assert_eq!(mount["mountPath"].as_str(), Some(path));
        assert_eq!(mount["readOnly"].as_bool(), Some(true));
        let object = volume[kind][key].as_str().expect("an object");
        let of = if kind == "secret" {
            "Secret"
        } else {
            "ConfigMap"
        };
        document(of, object);
    }
    let policy = document("NetworkPolicy", "nssaaf");
    assert_eq!(&policy["spec"]["podSelector"]["matchLabels"], labels);
    for (place, key) in [(0, "listen"), (1, "dynamic")] {
        let rule = &policy["spec"]["ingress"][place]["ports"][0]["port"];
        assert_eq!(rule.as_i64(), Some(port(&table, key)));
    }
    let radius = &policy["spec"]["egress"][0]["ports"][0]["port"];
    let servers = table["aaa"][0]["servers"].as_array().expect("servers");
    for server in servers {
        let address = server["address"].as_str().expect("an address");
        let port = address.rsplit_once(':').map(|(_, port)| port.parse().ok());
        assert_eq!(port.flatten(), radius.as_i64());
    }
}

/// What the NSSAAF is let out to, and what AMFs let in: the same port, which the sidecar's section in the comment has.
#[test]
fn notifications_find_the_way_in() {
    let policy = document("NetworkPolicy", "naslane-callbacks");
    let port = |rule: &Yaml| rule["ports"][0]["port"].as_i64().expect("a port");
    let inwards = port(&policy["spec"]["ingress"][0]);
    let out = document("NetworkPolicy", "nssaaf");
    assert_eq!(inwards, port(&out["spec"]["egress"][1]));
    assert_eq!(
        out["spec"]["egress"][1]["to"][0]["podSelector"],
        policy["spec"]["podSelector"]
    );
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("deploy/nssaaf-kubernetes.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    let section = text
        .lines()
        .skip_while(|line| *line != "#   [nssaa]")
        .map_while(|line| line.strip_prefix("#   "));
    let section: Vec<_> = section.collect();
    let settings = format!("socket = 'x'\n{}", section.join("\n"));
    let config = naslane::sidecar::Config::parse(&settings).unwrap();
    assert!(config.nssaa.wanted());
    assert!(config.nssaa.callbacks.ends_with(&format!(":{inwards}")));
    assert!(config.nssaa.nssaaf[0].ends_with(&format!(":{}", port(&out["spec"]["ingress"][0]))));
}
