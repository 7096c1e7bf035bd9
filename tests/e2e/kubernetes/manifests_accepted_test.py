"""A real API server accepts every manifest, of kustomize and of Helm, and lets the edge do what it must and no more."""

import pytest

from support.kube_client import KubeError
from support.kube_fixtures import path_of
from support.manifests import DEPLOY, VARIANTS, kustomized, templated

#: What the edge of each variant asks the API server for: group, resource, namespace; "" is all of them.
NEEDED = {
    "base": ("agents.x-k8s.io", "sandboxes", ""),
    "proxy-protocol": ("agents.x-k8s.io", "sandboxes", ""),
    "plain": ("agents.x-k8s.io", "sandboxes", ""),
    "pods": ("", "pods", "sandboxes"),
    "kruise": ("agents.kruise.io", "sandboxes", ""),
    "opensandbox": ("sandbox.opensandbox.io", "batchsandboxes", "sandboxes"),
    "redis": None,
}
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
RESOURCES = (
    ("", "pods"),
    ("", "secrets"),
    ("", "configmaps"),
    ("", "serviceaccounts"),
    ("", "namespaces"),
    ("", "nodes"),
    ("", "events"),
    ("apps", "deployments"),
    ("agents.x-k8s.io", "sandboxes"),
    ("agents.kruise.io", "sandboxes"),
    ("sandbox.opensandbox.io", "batchsandboxes"),
    ("rbac.authorization.k8s.io", "clusterroles"),
)


@pytest.mark.parametrize("maker", [kustomized, templated])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_document_is_accepted(server, variant, maker):
    client = server.client()
    documents = maker(variant)
    assert len(documents) >= 8
    for document in documents:
        client.apply(path_of(document), document, dry_run=True)
    client.close()


def test_a_field_that_is_none_would_be_noticed(server):
    [document] = [one for one in kustomized("base") if one["kind"] == "Deployment"]
    document["spec"]["template"]["spec"]["containers"][0]["nonsense"] = 1
    with pytest.raises(KubeError, match="nonsense"):
        server.client().apply(path_of(document), document, dry_run=True)


def test_kubectl_applies_the_folder(server):
    done = server.kubectl("apply", "--dry-run=server", "-k", str(DEPLOY / "kubernetes/base"))
    assert done.returncode == 0, done.stderr
    assert "deployment.apps/sandgate created (server dry run)" in done.stdout


@pytest.fixture(params=VARIANTS)
def bound(request, server):
    """The variant whose roles and bindings are in force, alone."""
    client = server.client()
    roles = [one for one in kustomized(request.param) if path_of(one).startswith("/apis/rbac")]
    for document in [*roles, *(one for one in kustomized(request.param) if one["kind"] == "ServiceAccount")]:
        client.apply(path_of(document), document)
    yield request.param
    for document in roles:
        client.delete(path_of(document))
    client.close()


def may(client, verb: str, group: str, resource: str, namespace: str) -> bool:
    asked = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return client.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)["status"]["allowed"]


def test_the_edge_may_list_and_watch_its_sandboxes_and_nothing_else(server, bound):
    needed = NEEDED[bound]
    client = server.client(server.service_account_token("sandgate", "sandgate"))
    for group, resource in RESOURCES:
        for namespace in ("", "sandboxes", "others"):
            within = bool(needed) and (group, resource) == needed[:2] and needed[2] in ("", namespace)
            for verb in VERBS:
                expected = within and verb in ("list", "watch")
                assert may(client, verb, group, resource, namespace) == expected, (verb, group, resource, namespace)
    client.close()


def test_real_requests_say_the_same(server, bound):
    client = server.client(server.service_account_token("sandgate", "sandgate"))
    for group, resource in RESOURCES[:2] + RESOURCES[8:11]:
        base = f"/apis/{group}/{_version(group)}" if group else "/api/v1"
        needed = NEEDED[bound]
        path = f"{base}/namespaces/sandboxes/{resource}"
        if needed and (group, resource) == needed[:2]:
            assert "items" in client.get(path)
        else:
            with pytest.raises(KubeError, match="403"):
                client.get(path)
    with pytest.raises(KubeError, match="403"):
        client.create("/api/v1/namespaces/sandboxes/pods", {"metadata": {"name": "a"}})
    client.close()


def _version(group: str) -> str:
    return "v1beta1" if group == "agents.x-k8s.io" else "v1alpha1"
