//go:build !linux

package duckdb

func probe() {}
