-- What GET /v1/accounts/{account}/logs and /logs/histogram read.
-- A senseless argument raises 22023 with a sentence that is meant for whoever asked.

-- RFC 3339 in UTC with microseconds: what is stored of a line's times.
CREATE FUNCTION logging.time_text(at timestamptz) RETURNS text
LANGUAGE sql STABLE RETURNS NULL ON NULL INPUT PARALLEL SAFE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

-- ---- q: words, "phrases", -not -----------------------------------------------------------------

-- The bits that a body with all words of these texts has in words_0 to words_3: what
-- logging_words_add (logging_domain.h) computes of the body. No texts: no bits.
CREATE FUNCTION logging.word_masks(texts text[]) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    masks bigint[] := '{0,0,0,0}';
    word  text;
    hash  bigint;
    which integer;
BEGIN
    FOR word IN SELECT w[1] FROM unnest(texts) AS t (text),
        regexp_matches(lower(t.text COLLATE "C"), '[a-z0-9_]+', 'g') AS w
    LOOP
        hash := 2166136261; -- FNV-1a of 32 bits
        FOR i IN 1 .. length(word) LOOP
            hash := ((hash # ascii(substr(word, i, 1))) * 16777619) & 4294967295;
        END LOOP;
        which := (hash & 3) + 1;
        hash := hash >> 2;
        FOR i IN 1 .. 3 LOOP
            masks[which] := masks[which] | (1::bigint << (hash & 63)::integer);
            hash := hash >> 6;
        END LOOP;
    END LOOP;
    RETURN masks;
END $$;

-- A regular expression for a term of q, case apart: its characters as they are, white space in it
-- as any white space, and where it begins or ends with a letter, digit or underscore, no other one
-- beside it. Scripts from U+0E00 (Thai) on have no spaces between words: there it may stand within
-- a longer run.
CREATE FUNCTION logging.term_pattern(term text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN ascii(term) < 3584 AND left(term, 1) COLLATE "und-x-icu" ~ '[[:alnum:]_]'
                THEN '\m' ELSE '' END
        || regexp_replace(regexp_replace(term, '([\\.*+?()\[\]{}|^$])', '\\\1', 'g'),
                          '\s+', '\\s+', 'g')
        || CASE WHEN ascii(right(term, 1)) < 3584
                     AND right(term, 1) COLLATE "und-x-icu" ~ '[[:alnum:]_]'
                THEN '\M' ELSE '' END
$$;

-- The terms of q: words and other runs without white space, "phrases", and either with - before it.
CREATE FUNCTION logging.terms(q text, OUT wanted text[], OUT unwanted text[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    part text[];
    term text;
BEGIN
    wanted := '{}';
    unwanted := '{}';
    FOR part IN
        SELECT regexp_matches(q, '(-?)(?:"([^"]*)"|([^"\s-]\S*|-[^"\s]*)|("))', 'g')
    LOOP
        IF part[4] IS NOT NULL THEN
            RAISE EXCEPTION 'q has a quotation mark that is not closed' USING ERRCODE = '22023';
        END IF;
        term := trim(coalesce(part[2], part[3]));
        CONTINUE WHEN term = '';
        IF cardinality(wanted) + cardinality(unwanted) = 20 THEN
            RAISE EXCEPTION 'q must have at most 20 terms' USING ERRCODE = '22023';
        ELSIF part[1] = '-' THEN
            unwanted := unwanted || term;
        ELSE
            wanted := wanted || term;
        END IF;
    END LOOP;
END $$;

-- Asked after all else has let a line through: its cost tells the planner so.
CREATE FUNCTION logging.line_says(body text, wanted text[], unwanted text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 500 AS $$
DECLARE
    pattern text;
BEGIN
    FOREACH pattern IN ARRAY wanted LOOP
        IF body IS NULL OR body COLLATE "und-x-icu" !~* pattern THEN
            RETURN false;
        END IF;
    END LOOP;
    FOREACH pattern IN ARRAY unwanted LOOP
        IF body COLLATE "und-x-icu" ~* pattern THEN
            RETURN false;
        END IF;
    END LOOP;
    RETURN true;
END $$;

-- ---- what search and histogram have in common --------------------------------------------------

-- A number from 1 to 24, or a name that stands for the least number of its range.
CREATE FUNCTION logging.severity_of(severity text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
DECLARE
    name integer := array_position('{trace,debug,info,warn,error,fatal}', lower(severity));
BEGIN
    IF name IS NOT NULL THEN
        RETURN 4 * name - 3;
    ELSIF severity ~ '^([1-9]|1[0-9]|2[0-4])$' THEN
        RETURN severity::integer;
    END IF;
    RAISE EXCEPTION 'severity must be trace, debug, info, warn, error, fatal or a number from 1 to 24'
        USING ERRCODE = '22023';
END $$;

CREATE TYPE logging.filter AS (
    account  uuid,
    least    integer,
    service  text,
    host     text,
    trace    uuid,
    masks    bigint[],
    parts    text[], -- of each term the longest run of what words_0 to words_3 know
    wanted   text[], -- patterns
    unwanted text[],
    names    text[], -- of attributes
    texts    text[],
    since    timestamptz, -- of time
    until    timestamptz
);

CREATE FUNCTION logging.filter_of(account uuid, "from" timestamptz, "to" timestamptz, severity text,
    service text, host text, trace_id text, q text, attributes jsonb) RETURNS logging.filter
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    f logging.filter;
BEGIN
    IF "from" >= "to" THEN
        RAISE EXCEPTION 'from must be before to' USING ERRCODE = '22023';
    END IF;
    f.account := account;
    f.since := "from";
    f.until := "to";
    f.least := logging.severity_of(severity);
    f.service := service;
    f.host := host;
    IF trace_id !~ '^[0-9a-fA-F]{32}$' THEN
        RAISE EXCEPTION 'trace_id must be 32 hexadecimal digits' USING ERRCODE = '22023';
    END IF;
    f.trace := trace_id::uuid;
    IF q IS NOT NULL THEN
        SELECT t.wanted, t.unwanted INTO f.wanted, f.unwanted FROM logging.terms(q) AS t;
        f.masks := logging.word_masks(f.wanted);
        f.parts := ARRAY(
            SELECT (SELECT w[1] FROM regexp_matches(lower(t COLLATE "C"), '[a-z0-9_]+', 'g') AS w
                    ORDER BY length(w[1]) DESC LIMIT 1) FROM unnest(f.wanted) AS t);
        f.wanted := ARRAY(SELECT logging.term_pattern(t) FROM unnest(f.wanted) AS t);
        f.unwanted := ARRAY(SELECT logging.term_pattern(t) FROM unnest(f.unwanted) AS t);
    END IF;
    SELECT array_agg(a.key), array_agg(a.value) INTO f.names, f.texts
    FROM jsonb_each_text(attributes) AS a;
    IF cardinality(f.names) > 10 THEN
        RAISE EXCEPTION 'at most 10 attributes can be asked for' USING ERRCODE = '22023';
    END IF;
    RETURN f;
END $$;

-- The conditions of a filter, which stands as $1, on a line l. Only those that were asked for are
-- there, so that the planner sees each question as it is; no text of a client's gets in here.
CREATE FUNCTION logging.conditions(f logging.filter) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    sql text := 'l.account_id = ($1).account';
BEGIN
    IF f.since IS NOT NULL THEN
        sql := sql || ' AND l.time >= ($1).since';
    END IF;
    IF f.until IS NOT NULL THEN
        sql := sql || ' AND l.time < ($1).until';
    END IF;
    IF f.least IS NOT NULL THEN
        sql := sql || ' AND l.severity >= ($1).least';
    END IF;
    IF f.service IS NOT NULL THEN
        sql := sql || ' AND l.service = ($1).service';
    END IF;
    IF f.host IS NOT NULL THEN
        sql := sql || ' AND l.host = ($1).host';
    END IF;
    IF f.trace IS NOT NULL THEN
        sql := sql || ' AND l.trace_id = ($1).trace';
    END IF;
    FOR i IN 1 .. coalesce(cardinality(f.names), 0) LOOP
        sql := sql || format(' AND l.attributes ->> ($1).names[%s] = ($1).texts[%s]', i, i);
    END LOOP;
    FOR i IN 1 .. 4 LOOP
        IF f.masks[i] <> 0 THEN
            sql := sql || format(' AND l.words_%s & ($1).masks[%s] = ($1).masks[%s]', i - 1, i, i);
        END IF;
    END LOOP;
    FOR i IN 1 .. coalesce(cardinality(f.parts), 0) LOOP -- a tenth of what a pattern costs
        IF f.parts[i] IS NOT NULL THEN
            sql := sql || format(' AND strpos(lower(l.body COLLATE "C"), ($1).parts[%s]) > 0', i);
        END IF;
    END LOOP;
    IF cardinality(f.wanted) + cardinality(f.unwanted) > 0 THEN
        sql := sql || ' AND logging.line_says(l.body, ($1).wanted, ($1).unwanted)';
    END IF;
    RETURN sql;
END $$;

-- ---- GET /v1/accounts/{account}/logs -----------------------------------------------------------

-- What a page is asked with: $1 to $7 of its statements.
CREATE TYPE logging.page AS (
    asked       text, -- conditions; those of the time alone:
    asked_of    text,
    behind_time timestamptz, -- the cursor
    behind_id   uuid,
    row_limit   bigint,
    arrived     text,        -- what a cursor carries beside the time
    since       timestamptz, -- of received_at
    edge        timestamptz, -- of time; null: none
    below       boolean      -- lines before the edge, or those from it on
);

CREATE FUNCTION logging.page_read(f logging.filter, p logging.page)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, newest text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE format($q$
        SELECT l.account_id, l.id, 1::bigint, json_build_object(
                   'id', l.id, 'account_id', l.account_id,
                   'time', logging.time_text(l.time),
                   'observed_time', logging.time_text(l.observed_at),
                   'received_at', logging.time_text(l.received_at),
                   'severity_number', l.severity, 'severity_text', l.severity_text,
                   'service', l.service, 'host', l.host,
                   'trace_id', replace(l.trace_id::text, '-', ''),
                   'span_id', encode(l.span_id, 'hex'),
                   'body', CASE WHEN l.body_is_json THEN l.body::json ELSE to_json(l.body) END,
                   'attributes', l.attributes)::text,
               logging.time_text(l.time) || ($2).arrived
        FROM (SELECT l.* FROM logging.log AS l WHERE %s%s
              ORDER BY l.time DESC, l.id DESC LIMIT ($2).row_limit) AS l
        ORDER BY l.time DESC, l.id DESC$q$, p.asked,
        CASE WHEN p.edge IS NULL THEN '' WHEN p.below THEN ' AND l.time < ($2).edge'
             ELSE ' AND l.time >= ($2).edge' END) USING f, p;
END $$;

-- The same along the index of times, which ends as soon as the page is full.
CREATE FUNCTION logging.page_in_order(f logging.filter, p logging.page)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, newest text)
LANGUAGE sql STABLE SET enable_sort = off SET max_parallel_workers_per_gather = 0 AS $$
    SELECT * FROM logging.page_read(f, p)
$$;

-- The same by reading all of the time from end to end, by several processes where there are some:
-- half the work of following an index's order, and all for nothing where the page is soon full.
CREATE FUNCTION logging.page_of_all(f logging.filter, p logging.page)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, newest text)
LANGUAGE sql STABLE SET enable_indexscan = off AS $$
    SELECT * FROM logging.page_read(f, p)
$$;

-- A page where few of the lines may be those that are asked for, or most of them; nobody knows. The
-- newest 1,000 for each that the page has room for are asked in their order, and the rest of the time
-- from end to end.
CREATE FUNCTION logging.page_of(f logging.filter, p logging.page)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, newest text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    given bigint;
BEGIN
    IF f.trace IS NOT NULL THEN -- has an index of its own
        RETURN QUERY SELECT * FROM logging.page_read(f, p);
        RETURN;
    ELSIF p.asked <> p.asked_of THEN
        EXECUTE format('SELECT l.time FROM logging.log AS l WHERE %s ORDER BY l.time DESC'
                       ' OFFSET 1000 * ($2).row_limit LIMIT 1', p.asked_of)
            INTO p.edge USING f, p;
    END IF;
    RETURN QUERY SELECT * FROM logging.page_in_order(f, p);
    GET DIAGNOSTICS given = ROW_COUNT;
    IF p.edge IS NOT NULL AND given < p.row_limit THEN
        p.below := true;
        p.row_limit := p.row_limit - given;
        RETURN QUERY SELECT * FROM logging.page_of_all(f, p);
    END IF;
END $$;

-- Lines of [from, to), newest first by (time, id), at most row_limit, behind the cursor where it is
-- given. Without from and to: what arrived in the last 15 minutes before the first page; that
-- moment goes with the cursor, so that no line falls out of a later page. `newest` is the cursor's
-- value: the line's time, and behind a slash that moment.
CREATE FUNCTION logging.search(account uuid, "from" timestamptz, "to" timestamptz, severity text,
    service text, host text, trace_id text, q text, attributes jsonb,
    cursor_value text, cursor_id uuid, row_limit bigint)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, newest text)
LANGUAGE plpgsql STABLE
SET jit = off -- compiling takes longer than what is asked as a rule
AS $$
DECLARE
    f     logging.filter := logging.filter_of(account, "from", "to", severity, service, host,
                                              trace_id, q, attributes);
    times logging.filter;
    p     logging.page;
    more  text := '';
    given bigint;
BEGIN
    times.account := f.account;
    times.since := f.since;
    times.until := f.until;
    p.arrived := '';
    p.row_limit := row_limit;
    p.behind_time := split_part(cursor_value, '/', 1)::timestamptz;
    p.behind_id := cursor_id;
    IF cursor_id IS NOT NULL THEN
        more := ' AND (l.time, l.id) < (($2).behind_time, ($2).behind_id)';
    END IF;
    p.asked := logging.conditions(f) || more;
    p.asked_of := logging.conditions(times) || more;
    IF "from" IS NOT NULL OR "to" IS NOT NULL THEN
        RETURN QUERY SELECT * FROM logging.page_of(f, p);
        RETURN;
    END IF;
    p.since := coalesce(nullif(split_part(cursor_value, '/', 2), '')::timestamptz,
                        now() - interval '15 minutes');
    p.arrived := '/' || logging.time_text(p.since);
    -- Most of what arrived has a time not before it, and comes in order from an index; what has an
    -- older one is looked for by its arrival, once that is told.
    more := ' AND l.received_at >= ($2).since AND l.day >= (($2).since AT TIME ZONE ''UTC'')::date'
            ' AND l.time >= ($2).since';
    p.asked := p.asked || more;
    p.asked_of := p.asked_of || more;
    RETURN QUERY SELECT * FROM logging.page_of(f, p);
    GET DIAGNOSTICS given = ROW_COUNT;
    IF given < row_limit THEN
        p.row_limit := row_limit - given;
        p.asked := replace(p.asked, 'l.time >= ($2).since', 'l.time < ($2).since');
        RETURN QUERY SELECT * FROM logging.page_of_all(f, p);
    END IF;
END $$;

-- ---- GET /v1/accounts/{account}/logs/histogram -------------------------------------------------

-- "30s", "5m", "1h", "1d"; a number alone is seconds. As reporting.step_seconds.
CREATE FUNCTION logging.step_of(step text) RETURNS interval
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE RETURNS NULL ON NULL INPUT AS $$
BEGIN
    IF step !~ '^[1-9][0-9]{0,5}[smhd]?$' THEN
        RAISE EXCEPTION 'step must be a number of seconds, minutes, hours or days: 30s, 5m, 1h, 1d'
            USING ERRCODE = '22023';
    END IF;
    RETURN make_interval(secs => rtrim(step, 'smhd')::bigint * CASE right(step, 1)
        WHEN 'm' THEN 60 WHEN 'h' THEN 3600 WHEN 'd' THEN 86400 ELSE 1 END);
END $$;

-- How many lines each step from `from` to `to` has, by severity number (0: not said). Steps are
-- whole ones since 1970-01-01 UTC, and without lines they are there, too. Without `to` it ends now,
-- without `from` it begins an hour before that.
CREATE FUNCTION logging.histogram(account uuid, "from" timestamptz, "to" timestamptz, step text,
    severity text, service text, host text, trace_id text, q text, attributes jsonb)
RETURNS TABLE (account_id uuid, id uuid, version bigint, body text, "time" timestamptz)
LANGUAGE plpgsql STABLE SET jit = off AS $$
#variable_conflict use_column
DECLARE
    steps_max constant integer := 1440;
    origin    constant timestamptz := '1970-01-01 00:00:00+00';
    f         logging.filter;
    size      interval := logging.step_of(coalesce(step, '1m'));
    first     timestamptz;
BEGIN
    "to" := coalesce("to", now());
    "from" := coalesce("from", "to" - interval '1 hour');
    f := logging.filter_of(account, "from", "to", severity, service, host, trace_id, q, attributes);
    first := date_bin(size, "from", origin);
    IF extract(epoch FROM "to" - first) / extract(epoch FROM size) > steps_max THEN
        RAISE EXCEPTION 'from, to and step give more than % steps: ask for a shorter time or longer steps',
            steps_max USING ERRCODE = '22023';
    END IF;
    RETURN QUERY EXECUTE format($q$
        WITH counted AS (
            SELECT date_bin($2, l.time, $3) AS at, coalesce(l.severity, 0) AS severity,
                   count(*) AS lines
            FROM logging.log AS l WHERE %s GROUP BY 1, 2
        ), steps AS (
            SELECT s.at, coalesce(sum(c.lines), 0)::bigint AS total,
                   coalesce(json_object_agg(c.severity, c.lines ORDER BY c.severity)
                            FILTER (WHERE c.lines IS NOT NULL), '{}') AS counts
            FROM generate_series($4, ($1).until - interval '1 microsecond', $2) AS s (at)
            LEFT JOIN counted AS c USING (at) GROUP BY s.at
        )
        SELECT ($1).account, md5(s.at::text)::uuid, 1::bigint, json_build_object(
                   'time', to_char(s.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                   'counts', s.counts, 'total', s.total)::text, s.at
        FROM steps AS s ORDER BY s.at$q$, logging.conditions(f))
        USING f, size, origin, first;
END $$;
