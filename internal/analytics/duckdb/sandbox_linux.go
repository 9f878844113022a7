package duckdb

func confine(*request) error { return nil }
