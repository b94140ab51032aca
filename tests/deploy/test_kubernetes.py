"""The Kubernetes manifests: valid by their schemas, and what each part relies on in the others and in the kit."""

from __future__ import annotations

import configparser
import copy
import re
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from cli.main import parse
from fronts.ray_serve.routes import OPEN_PATHS
from model_src.classes import RESEARCH_USE
from model_src.time_limits import DRAIN, STOP, WORKER_START
from tests.deploy.containerfile import CONTAINERS, stages_of
from tests.deploy.manifests import COMPONENTS, KUBERNETES, OVERLAYS, ROOT, objects, of_kind, pods, with_component

OLDEST, NEWEST = "1.33", "1.37"  # of Kubernetes
SERVERS = ("cpu", "gpu")
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
each_servers = pytest.mark.parametrize("overlay", SERVERS)


@each_overlay
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_everything_is_valid_by_its_schema(overlay, version):
    for each in objects(overlay):
        kubernetes_validate.validate(each, version, strict=True)


def test_the_ingress_is_valid_by_its_schema():
    ingress = yaml.safe_load((KUBERNETES / "components/ingress/ingress.yaml").read_text())
    kubernetes_validate.validate(ingress, NEWEST, strict=True)


def test_a_misspelt_field_is_not_valid():
    broken = copy.deepcopy(objects("cpu")[-1])
    broken["spec"]["podSelectr"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, NEWEST, strict=True)


def test_what_is_there_of_each_kind():
    for overlay in SERVERS:
        kinds = [(each["kind"], each["metadata"]["name"]) for each in objects(overlay)]
        both = ["coronet-explanations", "coronet-predictions"]
        assert kinds == [
            ("Namespace", "coronet"),
            *[(kind, name) for kind in ("Service", "Deployment", "PodDisruptionBudget") for name in both],
            *[("HorizontalPodAutoscaler", name) for name in both],
            ("NetworkPolicy", "callers"),
            ("NetworkPolicy", "nothing"),
        ]


@each_overlay
def test_no_secret_is_in_the_repository(overlay):
    assert of_kind(overlay, "Secret") == {}
    assert of_kind(overlay, "ConfigMap") == {}


@each_overlay
def test_everything_is_in_the_namespace_and_says_what_it_is_for(overlay):
    for each in objects(overlay):
        assert each["metadata"].get("namespace") == (None if each["kind"] == "Namespace" else "coronet")
        assert each["metadata"]["annotations"]["coronet/intended-use"] == RESEARCH_USE


@each_overlay
def test_pods_keep_to_the_restricted_standard_on_a_file_system_that_is_read_only(overlay):
    for pod in pods(overlay).values():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & spec.keys() == set()
        for volume in spec["volumes"]:
            assert {"emptyDir", "secret", "persistentVolumeClaim"} & volume.keys()
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


@each_overlay
def test_the_user_is_the_images(overlay):
    user, group = map(int, stages_of(CONTAINERS / "Containerfile")[-1].last("USER").text.split(":"))
    for pod in pods(overlay).values():
        context = pod["spec"]["securityContext"]
        assert (context["runAsUser"], context["runAsGroup"], context["fsGroup"]) == (user, group, group)


@each_overlay
def test_only_named_places_are_written_to_and_none_without_bound(overlay):
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == volumes.keys()
        for volume in volumes.values():
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"]


@each_overlay
def test_images_have_the_version_and_the_kind_of_the_overlay(overlay):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        kind = overlay.removeprefix("score-")
        assert container["image"] == f"registry.example.org/coronet-serve:{setup['metadata']['version']}-{kind}"


@each_overlay
def test_commands_are_the_kits(overlay):
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        parse(container["args"])
        for probe in ("startupProbe", "livenessProbe"):
            if probe in container:
                program, *words = container[probe]["exec"]["command"]
                assert program == "coronet"
                # `coronet ready` may ask two questions, each for so long, and takes seconds to start on busy cores.
                assert container[probe]["timeoutSeconds"] > 2 * parse(words).timeout


@each_overlay
def test_what_a_pod_gets_is_reserved_and_bounded(overlay):
    for name, pod in pods(overlay).items():
        (container,) = pod["spec"]["containers"]
        requests, limits = container["resources"]["requests"], container["resources"]["limits"]
        for what in ("cpu", "memory", "ephemeral-storage"):
            assert what in requests, name
            assert what in limits, name
        assert requests["memory"] == limits["memory"]  # a server that is promised less is the first to be killed
        assert ("nvidia.com/gpu" in limits) == overlay.endswith("gpu")


@each_servers
def test_workers_have_the_memory_they_want(overlay):
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        args = parse(container["args"])
        assert args.explain_workers == 0  # each Deployment is one pool
        wanted = 3 + args.workers * (1.5 + 0.8)  # GB: docs/how-to/serve-in-production.md
        assert int(container["resources"]["limits"]["memory"].removesuffix("Gi")) * 1.074 >= wanted


@each_servers
def test_keys_are_the_mounted_secrets_and_every_address_is_listened_at(overlay):
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        args = parse(container["args"])
        (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "keys"]
        assert (str(args.keys), mount.get("subPath"), mount["readOnly"]) == (mount["mountPath"], None, True)
        assert args.host == "0.0.0.0"
        (volume,) = [volume for volume in pod["spec"]["volumes"] if volume["name"] == "keys"]
        assert volume["secret"] == {"secretName": "coronet-keys", "defaultMode": 0o440}


@each_servers
def test_requests_in_progress_end_before_the_pod_does(overlay):
    for deployment in of_kind(overlay, "Deployment").values():
        spec = deployment["spec"]["template"]["spec"]
        before = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert spec["terminationGracePeriodSeconds"] > before + DRAIN + STOP + 10
        assert deployment["spec"]["strategy"]["rollingUpdate"]["maxUnavailable"] == 0


@each_servers
def test_services_budgets_and_scalers_are_each_of_one_deployment(overlay):
    deployments = of_kind(overlay, "Deployment")
    assert len(deployments) == 2
    for name, deployment in deployments.items():
        selector = deployment["spec"]["selector"]["matchLabels"]
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert selector.items() <= labels.items()
        assert selector["app.kubernetes.io/component"] == name.removeprefix("coronet-")
        assert of_kind(overlay, "Service")[name]["spec"]["selector"] == selector
        assert of_kind(overlay, "PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == selector
        assert of_kind(overlay, "HorizontalPodAutoscaler")[name]["spec"]["scaleTargetRef"]["name"] == name
        spread = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
        assert spread["labelSelector"]["matchLabels"] == selector
        assert "replicas" not in deployment["spec"]  # the scaler's


@each_servers
def test_probes_cost_little(overlay):
    """Asking takes 6 s of a core: below 1% of what a pod of two cores has."""
    for pod in pods(overlay).values():
        (container,) = pod["spec"]["containers"]
        assert container["readinessProbe"]["tcpSocket"] == {"port": "http"}
        assert 6 / (2 * container["livenessProbe"]["periodSeconds"]) <= 0.01
        start = container["startupProbe"]
        assert start["periodSeconds"] * start["failureThreshold"] >= WORKER_START


@each_servers
def test_ports_are_those_that_the_image_exposes(overlay):
    exposed = [int(word) for word in stages_of(CONTAINERS / "Containerfile")[-1].last("EXPOSE").words()]
    for name, pod in pods(overlay).items():
        ports = {port["name"]: port["containerPort"] for port in pod["spec"]["containers"][0]["ports"]}
        assert list(ports.values()) == exposed
        assert pod["metadata"]["annotations"]["prometheus.io/port"] == str(ports["metrics"])
        (port,) = of_kind(overlay, "Service")[name]["spec"]["ports"]
        assert port["targetPort"] in ports
    policy = of_kind(overlay, "NetworkPolicy")["callers"]
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == exposed


@each_servers
def test_nothing_goes_in_or_out_but_what_is_named(overlay):
    policies = of_kind(overlay, "NetworkPolicy")
    assert policies["nothing"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert policies["callers"]["spec"]["policyTypes"] == ["Ingress"]
    for rule in policies["callers"]["spec"]["ingress"]:
        assert all(peer["namespaceSelector"]["matchLabels"] for peer in rule["from"])


@each_servers
def test_scalers_ask_for_the_metric_that_the_rules_make(overlay):
    (rule,) = yaml.safe_load((KUBERNETES / "prometheus-adapter-rules.yaml").read_text())["rules"]
    for scaler in of_kind(overlay, "HorizontalPodAutoscaler").values():
        (metric,) = scaler["spec"]["metrics"]
        assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
        assert scaler["spec"]["minReplicas"] < scaler["spec"]["maxReplicas"]
    series = re.match(r"\w+", rule["seriesQuery"])
    assert series is not None
    assert f"`{series[0]}`" in (ROOT / "docs/reference/metrics.md").read_text()


@pytest.mark.parametrize("overlay", ["score-cpu", "score-gpu"])
def test_each_pod_of_the_job_has_its_share(overlay):
    (job,) = objects(overlay)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    args = parse(container["args"])
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == args.of
    assert args.index is None  # JOB_COMPLETION_INDEX
    mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
    assert mounts[args.sources[0]]["readOnly"] is True
    assert args.out.is_relative_to("/scores")
    assert args.out != Path("/scores")  # a volume may hold lost+found, which is of no run
    assert args.device == ("cuda" if overlay == "score-gpu" else None)
    assert args.workers == (1 if overlay == "score-gpu" else int(container["resources"]["limits"]["cpu"]))


@pytest.mark.parametrize("component", COMPONENTS)
def test_components_fit_the_servers(component, tmp_path):
    built = with_component(component, tmp_path)
    names = {(each["kind"], each["metadata"]["name"]) for each in built}
    services = {name for kind, name in names if kind == "Service"}
    for ingress in (each for each in built if each["kind"] == "Ingress"):
        paths = [path for rule in ingress["spec"]["rules"] for path in rule["http"]["paths"]]
        assert {path["backend"]["service"]["name"] for path in paths} == services
        assert [path["path"] for path in paths] == ["/predictions/coronet", "/explanations/coronet"]
    for monitor in (each for each in built if each["kind"] == "PodMonitor"):
        labels = [pod["metadata"]["labels"] for pod in pods("cpu").values()]
        assert all(monitor["spec"]["selector"]["matchLabels"].items() <= each.items() for each in labels)
        assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"
    if component == "ray":
        for deployment in (each for each in built if each["kind"] == "Deployment"):
            (container,) = deployment["spec"]["template"]["spec"]["containers"]
            assert parse(container["args"]).front == "ray"
            assert container["readinessProbe"]["httpGet"]["path"] in OPEN_PATHS
            assert {"name": "shared", "mountPath": "/dev/shm"} in container["volumeMounts"]
