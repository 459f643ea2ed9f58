package main

import (
	"autodeeplab/decode"
	"autodeeplab/search"
)

// reportPaths is how many of the best paths a search's report shows.
const reportPaths = 5

// searchLog keeps a search's log files.
type searchLog struct {
	dir string
	s   *search.Search
}

func newSearchLog(dir string, s *search.Search) (*searchLog, error) { return &searchLog{dir, s}, nil }
func (l *searchLog) step(search.StepInfo)                           {}
func (l *searchLog) epoch(search.Record)                            {}
func (l *searchLog) warn(string)                                    {}
func (l *searchLog) flush() error                                   { return nil }
func (l *searchLog) Close() error                                   { return nil }
func (l *searchLog) report(*decode.Decoding) (string, error)        { return "", nil }
