-- Schema of results/unreason.duckdb. The version stands in suite/store/database.py; migrations beside it.
CREATE TABLE schema_info (version INTEGER NOT NULL);
CREATE TABLE ingested (                   -- what a run's folder looked like when it was loaded
    run_id VARCHAR PRIMARY KEY,
    files VARCHAR NOT NULL                -- sizes and times of its files
);
CREATE TABLE runs (
    run_id VARCHAR PRIMARY KEY,
    task VARCHAR NOT NULL,
    task_version VARCHAR NOT NULL,
    dataset_hash VARCHAR NOT NULL,
    model VARCHAR NOT NULL,               -- as the user named it: hf/PATH, openai/NAME
    model_fingerprint VARCHAR NOT NULL,
    model_info JSON NOT NULL,
    options JSON NOT NULL,
    mode VARCHAR NOT NULL,                -- the modes of its samples, joined by '+'
    status VARCHAR NOT NULL,              -- complete | incomplete (over 2 % failed) | imported
    n_docs BIGINT, n_samples BIGINT, n_failed BIGINT,
    prompt_tokens BIGINT, completion_tokens BIGINT, cost_usd DOUBLE, seconds DOUBLE,
    started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ,
    libraries JSON,                       -- {package: version}
    git_commit VARCHAR,
    training JSON                         -- training.json of a fine-tuned model, else NULL
);
CREATE TABLE samples (
    run_id VARCHAR NOT NULL,
    sample_id VARCHAR NOT NULL,           -- unique within a run
    doc_id VARCHAR NOT NULL,
    mode VARCHAR NOT NULL,
    condition JSON NOT NULL,
    cluster VARCHAR NOT NULL,
    target VARCHAR,
    request_ids VARCHAR[],
    requests JSON,
    responses JSON,
    scores JSON NOT NULL,
    outcome VARCHAR NOT NULL,
    answer VARCHAR,
    error VARCHAR,
    prompt_tokens BIGINT, completion_tokens BIGINT, cost_usd DOUBLE, latency_s DOUBLE
);
CREATE TABLE metrics (
    run_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    mode VARCHAR,
    condition JSON NOT NULL,
    value DOUBLE, stderr DOUBLE, ci_low DOUBLE, ci_high DOUBLE,
    n BIGINT, n_clusters BIGINT,
    higher_is_better BOOLEAN,
    headline BOOLEAN NOT NULL,
    note VARCHAR NOT NULL
);
CREATE TABLE labels (
    run_id VARCHAR NOT NULL, sample_id VARCHAR NOT NULL,
    judge VARCHAR NOT NULL, label JSON NOT NULL, created_at TIMESTAMPTZ
);
CREATE TABLE points (
    task VARCHAR NOT NULL, metric VARCHAR NOT NULL, family VARCHAR NOT NULL, axis VARCHAR NOT NULL,
    x DOUBLE NOT NULL, value DOUBLE, stderr DOUBLE, run_id VARCHAR, condition JSON NOT NULL
);
CREATE TABLE curves (
    task VARCHAR NOT NULL, metric VARCHAR NOT NULL, family VARCHAR NOT NULL, axis VARCHAR NOT NULL,
    verdict VARCHAR, slope DOUBLE, ci_low DOUBLE, ci_high DOUBLE, note VARCHAR, condition JSON NOT NULL
);
CREATE TABLE attention_results (
    run_id VARCHAR NOT NULL, mechanism VARCHAR NOT NULL, pattern VARCHAR NOT NULL,
    condition JSON NOT NULL, metric VARCHAR NOT NULL, value DOUBLE
);
CREATE TABLE reference (
    task VARCHAR NOT NULL, metric VARCHAR NOT NULL, model VARCHAR NOT NULL, condition JSON NOT NULL,
    value DOUBLE, stderr DOUBLE, source VARCHAR NOT NULL, verified VARCHAR NOT NULL
);
