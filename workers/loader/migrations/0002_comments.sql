-- What 0001 left without a comment, so that every column of the warehouse explains itself.
COMMENT ON COLUMN public.load_stop.topic IS 'Kafka topic';
COMMENT ON COLUMN public.load_stop.lane IS 'Partition of the topic';
COMMENT ON COLUMN public.load_stop.fence IS 'The ledger''s when the lane was stopped';
COMMENT ON COLUMN public.load_stop.stopped_at IS 'When the lane was stopped';
COMMENT ON COLUMN public.load_count.id IS 'In order of the loads of a lane';
COMMENT ON COLUMN public.load_count.topic IS 'Kafka topic';
COMMENT ON COLUMN public.load_count.lane IS 'Partition of the topic';
COMMENT ON COLUMN public.bad_rows.topic IS 'Kafka topic';
COMMENT ON COLUMN public.bad_rows.lane IS 'Partition of the topic';
COMMENT ON COLUMN public.bad_rows.found_at IS 'When it was last found to be bad';
