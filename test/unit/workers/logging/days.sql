-- The days that the tests' lines arrive on.
DO $$ BEGIN
    PERFORM millrace.make_days((now() AT TIME ZONE 'UTC')::date - 3, (now() AT TIME ZONE 'UTC')::date + 1);
END $$;
