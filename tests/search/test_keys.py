"""Keys on a node with security and TLS: each role can do its job and nothing else."""

from __future__ import annotations

import shutil
import socket

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch
from pydantic import SecretStr

from rasid.errors import SearchUnavailable
from rasid.search import connect, index_for, local_node, provision
from rasid.search.keys import RIGHTS, create_key, retire_keys
from rasid.settings import Settings, settings


NOW = datetime.now(UTC)
ARTICLES = index_for("articles", NOW)
ALL = {"match_all": {}}

# What is tried, and the roles that may. Elasticsearch 9 still lets the privilege `index` update
# mappings, with a warning that the next major version will not.
DEEDS = {
    "write an article": (lambda es: es.index(index=ARTICLES, id="x", document={}), {"writer"}),
    "write a mention": (lambda es: es.index(index=index_for("mentions", NOW), id="x", document={}), {"writer"}),
    "write an entry": (lambda es: es.index(index=index_for("entries"), id="x", document={}), {"writer"}),
    "write a run": (lambda es: es.index(index=index_for("runs"), id="x", document={}), {"writer"}),
    "write elsewhere": (lambda es: es.index(index="other", id="x", document={}), set()),
    "delete documents": (lambda es: es.delete_by_query(index="rasid-mentions", query={"term": {"tag": "z"}}), {"writer"}),
    "refresh": (lambda es: es.indices.refresh(index=ARTICLES), {"writer", "provisioner"}),
    "read articles": (lambda es: es.search(index="rasid-articles"), {"writer", "analyst", "ops"}),
    "read incidents": (lambda es: es.search(index="rasid-incidents"), {"writer", "analyst", "ops"}),
    "read runs": (lambda es: es.search(index="rasid-runs"), {"writer", "ops"}),
    "read entries": (lambda es: es.search(index="rasid-entries"), {"writer", "ops"}),
    "read elsewhere": (lambda es: es.search(index="other"), set()),
    "change a mapping": (lambda es: es.indices.put_mapping(index=ARTICLES, properties={}), {"provisioner", "writer"}),
    "delete an index": (lambda es: es.indices.delete(index="rasid-none", ignore_unavailable=True), {"provisioner"}),
    "write a template": (lambda es: es.cluster.put_component_template(name="rasid-try", template={}), {"provisioner"}),
    "see the cluster": (lambda es: es.cluster.health(), {"provisioner", "ops"}),
    "make a user": (lambda es: es.security.put_user(username="u", password="secret-secret", roles=[]), set()),
    "make a key": (lambda es: es.security.create_api_key(name="k"), set()),
}  # fmt: skip


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A node with security and TLS, and a client with every right."""
    if settings().es_url:
        pytest.skip("RASID_ES_URL names another cluster: the secure node is not tested")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = Settings(home=tmp_path_factory.mktemp("secure"), es_port=port)
    node = replace(local_node.local_node(own), java_options=local_node.SHORT_LIVED, secure=True)
    local_node.start(node)
    with local_node.admin(node) as es:
        provision(es)
        yield node, es
    local_node.stop(node)
    shutil.rmtree(node.folder, ignore_errors=True)


@pytest.fixture(scope="module")
def clients(secure):
    node, admin = secure
    return {
        role: Elasticsearch(
            node.url, ca_certs=str(node.certificate), api_key=create_key(admin, role)
        )
        for role in RIGHTS
    }


@pytest.mark.node
class TestRights:
    def test_there_are_enough_pairs(self):
        assert len(DEEDS) * len(RIGHTS) >= 40

    @pytest.mark.filterwarnings("ignore::elasticsearch.ElasticsearchWarning")
    @pytest.mark.parametrize("deed", DEEDS)
    def test_only_those_may_who_must(self, clients, deed):
        act, may = DEEDS[deed]
        able = set()
        for role, es in clients.items():
            try:
                act(es)
            except AuthorizationException:
                continue
            able.add(role)
        assert able == may

    def test_the_provisioner_can_provision(self, clients):
        assert provision(clients["provisioner"]) == []

    def test_a_rotation_leaves_the_new_key_and_retires_the_old(self, secure):
        node, admin = secure
        old, new = create_key(admin, "ops"), create_key(admin, "ops")
        assert retire_keys(admin, "ops", keep=new) >= 1
        way = {"ca_certs": str(node.certificate)}
        Elasticsearch(node.url, api_key=new, **way).info()
        with pytest.raises(AuthenticationException):
            Elasticsearch(node.url, api_key=old, **way).info()

    def test_the_settings_lead_there_with_a_key_and_are_refused_without(self, secure):
        node, admin = secure
        way = {"es_url": node.url, "es_ca": node.certificate}
        key = SecretStr(create_key(admin, "writer"))
        with connect(Settings(**way, es_api_key=key)) as es:
            assert es.count(index="rasid-articles")["count"] >= 0
        with pytest.raises(SearchUnavailable, match="Set RASID_ES_API_KEY"):
            connect(Settings(**way))
