"""Keys on a node with security and TLS: each role can do its job and nothing else."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from elasticsearch import AuthenticationException, AuthorizationException, Elasticsearch
from pydantic import SecretStr

from rasid.errors import ConfigError, SearchUnavailable
from rasid.search import (
    Write,
    connect,
    delete_stale_mentions,
    ensure_provisioned,
    index_for,
    link_incidents,
    local_node,
    migrate,
    provision,
    retention,
    roll_back,
    snapshots,
    write_all,
)
from rasid.search.keys import (
    RIGHTS,
    ROLES,
    SETTINGS,
    create_key,
    retire_keys,
    roles,
    rotate_key,
    valid_keys,
    write_secret,
)
from rasid.settings import ROOT, Settings, settings


NOW = datetime.now(UTC)
ARTICLES = index_for("articles", NOW)
ALL = {"match_all": {}}

MAKERS = {"provisioner", "migrator", "keeper"}

# What is tried, and the roles that may. Elasticsearch 9 still lets the privilege `index` update
# mappings, with a warning that the next major version will not.
DEEDS = {
    "write an article": (lambda es: es.index(index=ARTICLES, id="x", document={}), {"writer", "migrator"}),
    "write a mention": (lambda es: es.index(index=index_for("mentions", NOW), id="x", document={}), {"writer", "migrator"}),
    "write an entry": (lambda es: es.index(index=index_for("entries"), id="x", document={}), {"writer", "migrator"}),
    "write a run": (lambda es: es.index(index=index_for("runs"), id="x", document={}), {"writer", "migrator"}),
    "write elsewhere": (lambda es: es.index(index="other", id="x", document={}), set()),
    "delete documents": (lambda es: es.delete_by_query(index="rasid-mentions", query={"term": {"tag": "z"}}), {"writer", "migrator", "keeper"}),
    "refresh": (lambda es: es.indices.refresh(index=ARTICLES), {"writer", *MAKERS}),
    "read articles": (lambda es: es.search(index="rasid-articles"), {"writer", "analyst", "ops", "migrator", "keeper"}),
    "read incidents": (lambda es: es.search(index="rasid-incidents"), {"writer", "analyst", "ops", "migrator", "keeper"}),
    "read runs": (lambda es: es.search(index="rasid-runs"), {"writer", "ops", "migrator", "keeper"}),
    "read entries": (lambda es: es.search(index="rasid-entries"), {"writer", "ops", "migrator", "keeper"}),
    "read elsewhere": (lambda es: es.search(index="other"), set()),
    "change a mapping": (lambda es: es.indices.put_mapping(index=ARTICLES, properties={}), {"writer", *MAKERS}),
    "delete an index": (lambda es: es.indices.delete(index="rasid-none", ignore_unavailable=True), MAKERS),
    "make an index": (lambda es: es.options(ignore_status=400).indices.create(index="rasid-runs-v9"), MAKERS),
    "move an alias": (lambda es: es.indices.update_aliases(actions=[{"add": {"index": "rasid-runs-v1", "alias": "rasid-runs"}}]), MAKERS),
    "list snapshots": (lambda es: es.snapshot.get_repository(), {"keeper"}),
    "register a repository": (lambda es: es.snapshot.create_repository(name="try", repository={"type": "fs", "settings": {"location": "try"}}), {"keeper"}),
    "write a template": (lambda es: es.cluster.put_component_template(name="rasid-try", template={}), MAKERS),
    "see the cluster": (lambda es: es.cluster.health(), {"ops", *MAKERS}),
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

    def test_each_role_can_do_its_job(self, secure, clients, tmp_path):
        """Provision, migrate, run, link, take and try out a snapshot, prune: each with its own key."""
        _, admin = secure
        assert provision(clients["provisioner"]) == []
        ensure_provisioned(clients["writer"])
        mention = {"mention_id": "m", "article_id": "a", "event": "attack", "tag": "attack", "modality": "factual", "place": ["تعز"],
                   "published_at": NOW.isoformat(), "first_seen_at": NOW.isoformat(), "revision": 1}  # fmt: skip
        write_all(clients["writer"], [Write(index_for("mentions", NOW), "m", 1, mention)])
        assert link_incidents(clients["writer"]).opened == 1
        assert delete_stale_mentions(clients["writer"], {"a": 2}) == 1
        assert link_incidents(clients["writer"]).removed == 1
        taken = snapshots.take(clients["keeper"], where=tmp_path.name, at=NOW)
        assert snapshots.try_out(clients["keeper"], taken.name)
        assert retention.prune(clients["keeper"], now=NOW)["polls"] == 0
        (move,) = migrate(clients["migrator"], ["rasid-runs-v1"], tell=print)
        assert roll_back(clients["migrator"], tell=print)[0].target == move.source
        admin.indices.delete(index=move.target)

    def test_a_writer_without_an_index_is_told_whom_to_ask(self, secure, clients):
        _, admin = secure
        long_ago = Write(index_for("articles", datetime(2001, 1, 1, tzinfo=UTC)), "x", 1, {})
        with pytest.raises(ConfigError, match="role provisioner"):
            write_all(clients["writer"], [long_ago])
        admin.indices.delete(index="rasid-alarms-v1")
        with pytest.raises(ConfigError, match="may not change them"):
            ensure_provisioned(clients["writer"])
        provision(admin)

    def test_a_rotation_hands_the_new_key_out_and_retires_the_old(self, secure, tmp_path):
        node, admin = secure
        old, other = create_key(admin, "writer"), create_key(admin, "ops")
        file = tmp_path / "rasid_es_api_key"
        assert rotate_key(admin, "writer", hand_out=lambda key: write_secret(file, key)) >= 1
        assert file.stat().st_mode & 0o007 == 0
        way = {"ca_certs": str(node.certificate)}
        assert Elasticsearch(node.url, api_key=file.read_text(), **way).count(
            index="rasid-articles"
        )
        with pytest.raises(AuthenticationException):
            Elasticsearch(node.url, api_key=old, **way).info()
        Elasticsearch(node.url, api_key=other, **way).info()  # another role's is left alone
        assert len(valid_keys(admin, "writer")) == 1
        days = (valid_keys(admin, "writer")[0].expires_at - datetime.now(UTC)).days
        assert days in {89, 90}

    def test_a_key_that_cannot_be_handed_out_goes_and_the_old_stays(self, secure):
        node, admin = secure
        old = create_key(admin, "keeper")

        def refuse(key):
            raise OSError("no room")

        before = valid_keys(admin, "keeper")
        with pytest.raises(OSError, match="no room"):
            rotate_key(admin, "keeper", hand_out=refuse)
        assert valid_keys(admin, "keeper") == before
        Elasticsearch(node.url, api_key=old, ca_certs=str(node.certificate)).cluster.health()

    def test_a_key_whose_maker_has_too_few_rights_is_noticed(self, secure):
        node, admin = secure
        admin.security.put_role(name="clerk", cluster=["manage_api_key"])
        admin.security.put_user(username="clerk", password="clerk-clerk", roles=["clerk"])
        clerk = Elasticsearch(
            node.url, basic_auth=("clerk", "clerk-clerk"), ca_certs=str(node.certificate)
        )
        handed = []
        with pytest.raises(ConfigError, match="no more rights than the user that makes it"):
            rotate_key(clerk, "writer", hand_out=handed.append)
        assert handed == []

    def test_a_folder_of_secrets_leads_there(self, secure, tmp_path, monkeypatch):
        """As compose does it: the keys lie in files that a rotation replaces."""
        node, admin = secure
        write_secret(tmp_path / SETTINGS["writer"], create_key(admin, "writer"))
        write_secret(tmp_path / SETTINGS["keeper"], create_key(admin, "keeper"))
        for name, value in {
            "SECRETS": tmp_path,
            "ES_URL": node.url,
            "ES_CA": node.certificate,
        }.items():
            monkeypatch.setenv(f"RASID_{name}", str(value))
        settings.cache_clear()
        try:
            with connect(settings()) as es, pytest.raises(AuthorizationException):
                es.cluster.health()
            with connect(settings(), keeper=True) as es:
                assert es.cluster.health()["status"]
        finally:
            monkeypatch.undo()
            settings.cache_clear()

    def test_the_compose_files_script_makes_roles_and_keys_and_repeats(self, secure, tmp_path):
        """docker/elastic/users.sh, run against this node as compose runs it against its own."""
        node, admin = secure
        script = (ROOT / "docker/elastic/users.sh").read_text("utf-8")
        for theirs, ours in {
            "https://elasticsearch:9200": node.url,
            "/usr/share/elasticsearch/setup": str(ROOT / "docker/elastic"),
            "/run/rasid": str(tmp_path),
            "config/certs/ca/ca.crt": str(node.certificate),
        }.items():
            assert theirs in script
            script = script.replace(theirs, ours)
        passwords = {
            "ELASTIC_PASSWORD": node.password_file.read_text().strip(),
            "KIBANA_PASSWORD": "kibana-kibana",
        }
        command = ["bash", "-c", script]

        def run() -> dict[str, str]:
            subprocess.run(
                command, env={**os.environ, **passwords}, check=True, capture_output=True
            )
            return {file.name: file.read_text() for file in tmp_path.iterdir()}

        made = run()
        assert set(made) == set(SETTINGS.values())
        assert run() == made
        way = {"ca_certs": str(node.certificate)}
        with Elasticsearch(node.url, api_key=made[SETTINGS["keeper"]], **way) as keeper:
            assert provision(keeper) == []
        with Elasticsearch(node.url, api_key=made[SETTINGS["writer"]], **way) as writer:
            ensure_provisioned(writer)
            with pytest.raises(AuthorizationException):
                writer.cluster.health()
        assert {f"rasid_{role}" for role in RIGHTS} <= set(admin.security.get_role())
        # A key that went is made anew.
        retire_keys(admin, "writer", keep=create_key(admin, "writer"))
        assert run()[SETTINGS["writer"]] != made[SETTINGS["writer"]]

    def test_the_settings_lead_there_with_a_key_and_are_refused_without(self, secure):
        node, admin = secure
        way = {"es_url": node.url, "es_ca": node.certificate}
        key = SecretStr(create_key(admin, "writer"))
        with connect(Settings(**way, es_api_key=key)) as es:
            assert es.count(index="rasid-articles")["count"] >= 0
        with pytest.raises(SearchUnavailable, match="Set RASID_ES_API_KEY"):
            connect(Settings(**way))


def test_the_roles_of_the_compose_file_are_these():
    """Run `python -m rasid.search.keys` when this fails."""
    assert roles() == {file.name: file.read_text("utf-8") for file in ROLES.glob("*.json")}
