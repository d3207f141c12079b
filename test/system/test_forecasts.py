"""Forecasts as their readers see them: made by a tick, stored before their hours, side by side with
what came."""

from datetime import datetime, timedelta, timezone

from harness.wait import wait_for

HOUR = timedelta(hours=1)


def text(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def this_hour():
    return datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0)


def items(client, path):
    reply = client.get(f"{client.base()}/{path}")
    assert reply.status == 200, reply
    return reply.json()["items"]


def send_days(client, hours):
    """So many hours of increments, the last one whole; a day's shape comes again."""
    now = this_hour()
    samples = [
        {
            "metric": "shop.orders",
            "kind": "counter",
            "value": 100 + 10 * ((now - n * HOUR).hour),
            "time": text(now - n * HOUR),
        }
        for n in range(1, hours + 1)
    ]
    reply = client.post(f"{client.base()}/samples", samples, {})
    assert reply.status == 200 and reply.json()["accepted"] == hours, reply


def test_given_three_days_then_the_coming_hours_are_forecast_and_told(ingest):
    client = ingest.client()
    send_days(client, 72)
    history = "from reporting.history where account_id = %s"
    wait_for(
        lambda: ingest.sql(f"select octet_length(totals) / 8 {history}", client.account) == [(72,)],
        "the closed hours",
        45,
        0.3,
    )
    ingest.sql(
        "update reporting.history set due_at = now() where account_id = %s returning 1",
        client.account,
    )
    wait_for(
        lambda: ingest.warehouse(
            "select count(*) from forecasts where account_id = %s and hour > made_at",
            client.account,
        )
        == [(24,)],
        "the forecast in the warehouse",
        45,
        0.3,
    )
    now = datetime.now(timezone.utc)
    found = items(client, f"forecasts/shop.orders?from={text(now)}&to={text(now + 26 * HOUR)}")
    assert len(found) == 24
    for item in found:
        hour = datetime.fromisoformat(item["hour"])
        assert datetime.fromisoformat(item["made_at"]) < hour
        assert item["method"] == "holt-winters-24"
        assert abs(item["predicted"] - (100 + 10 * hour.hour)) < 2
        assert item["low"] <= item["predicted"] <= item["high"]
        assert item["actual"] is None
    steps = items(
        client,
        f"reports/shop.orders?step=3600&from={text(now)}&to={text(now + 26 * HOUR)}",
    )
    ahead = [step["predicted"][0] for step in steps if step["predicted"]]
    assert [one["value"] for one in ahead] == [item["predicted"] for item in found]
    ingest.verify()


def test_given_hours_that_came_then_error_and_accuracy_stand_beside_the_prediction(ingest):
    client = ingest.client()
    send_days(client, 30)
    hour = this_hour() - 2 * HOUR
    came = 100 + 10 * hour.hour
    ingest.sql(
        "insert into reporting.forecast values (%s, gen_random_uuid(), 0, 'shop.orders', 'sum', %s,"
        " %s, 2, 'naive', %s, 0, 1000) returning 1",
        client.account,
        hour,
        hour - HOUR,
        came + 7,
    )
    window = f"from={text(hour)}&to={text(hour + HOUR)}"

    def beside():
        found = items(client, f"forecasts/shop.orders?{window}")
        return [(item["actual"], item["error"], item["naive"]) for item in found]

    wait_for(lambda: beside() == [(came, 7, came)], "what came", 45, 0.3)
    (accuracy,) = items(client, f"accuracy/shop.orders?{window}")
    assert (accuracy["hours"], accuracy["mae"], accuracy["covered"]) == (1, 7, 1)
    assert accuracy["mase"] is None  # the naive one was right


def test_given_a_window_that_is_none_then_the_answer_says_why(ingest):
    client = ingest.client()
    for query, why in (
        ("step=90", "whole minutes"),
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from must lie before to"),
        ("from=2026-01-01T00:00:00Z&to=2026-01-31T00:00:00Z", "2000 steps"),
    ):
        reply = client.get(f"{client.base()}/reports/shop.orders?{query}")
        assert reply.status == 400, reply
        assert why in reply.json()["detail"], reply
