"""The one way to a client: the cluster named by RASID_ES_URL, or this checkout's local node."""

from __future__ import annotations

from elastic_transport.client_utils import DEFAULT
from elasticsearch import (
    ApiError,
    AuthenticationException,
    AuthorizationException,
    Elasticsearch,
    TransportError,
)

from rasid.errors import SearchUnavailable
from rasid.search.local_node import local_node
from rasid.settings import Settings


def connect(settings: Settings, *, opaque_id: str = "", keeper: bool = False) -> Elasticsearch:
    """A client that has been answered once; SearchUnavailable names the remedy.

    `opaque_id` (dag/run/task) shows up in the server's slow logs and task list. `keeper`: with the
    key that may provision, take snapshots and delete, where there is one.
    """
    url = settings.es_address or local_node(settings).url
    key = settings.es_api_key
    if keeper and settings.keeper_api_key.get_secret_value():
        key = settings.keeper_api_key
    es = Elasticsearch(
        settings.es_url or url,
        api_key=key.get_secret_value() or None,
        ca_certs=str(settings.es_ca) if settings.es_ca else DEFAULT,
        http_compress=bool(settings.es_url),  # on loopback it only costs
        request_timeout=60,
        retry_on_timeout=True,
        max_retries=3,
    )
    if opaque_id:
        es = es.options(opaque_id=opaque_id)
    try:
        es.options(request_timeout=10).info()
    except AuthorizationException:
        pass  # it knows our key, which has no right to look at the cluster: the writer's
    except AuthenticationException as error:
        raise SearchUnavailable(
            f"Elasticsearch at {url} refuses us ({error.message}). Set RASID_ES_API_KEY to a key"
            " made by `rasid provision`."
        ) from error
    except (ApiError, TransportError, ValueError) as error:
        remedy = (
            "Check RASID_ES_URL, RASID_ES_CA and the cluster."
            if settings.es_url
            else "Start it with `rasid es start`, or name a cluster in RASID_ES_URL."
        )
        raise SearchUnavailable(
            f"Elasticsearch does not answer at {url} ({type(error).__name__}). {remedy}"
        ) from error
    return es
