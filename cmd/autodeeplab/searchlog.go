package main

import (
	"path/filepath"
	"strconv"
	"strings"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/report"
	"autodeeplab/search"
)

// reportPaths is how many of the best paths a search's report shows.
const reportPaths = 5

// searchLog keeps the log of a search: log.csv and report.html are functions of its history.
type searchLog struct {
	*report.Log[search.Record]
	dir      string
	s        *search.Search
	warnings []string
}

func newSearchLog(dir string, s *search.Search) (*searchLog, error) {
	log, err := report.NewLog(dir, !s.Finished(), searchColumns, report.Texts[search.Record]{
		Names: []string{"cell", "path"}, Values: func(r search.Record) []string { return []string{r.Cell, pathText(r.Path)} },
	})
	return &searchLog{Log: log, dir: dir, s: s}, err
}

func (l *searchLog) step(i search.StepInfo) {
	step := i.Epoch*i.Steps + i.Step
	l.Scalar(step, "step/loss", i.Loss)
	l.Scalar(step, "step/rate", i.Rate)
	l.Scalar(step, "step/images_per_second", float64(i.Images)/i.Took.Seconds())
	if i.ArchLoss > 0 {
		l.Scalar(step, "step/loss_half_b", i.ArchLoss)
	}
}

func (l *searchLog) warn(text string) { l.warnings = append(l.warnings, text) }

// searchColumns are the columns of log.csv that are numbers, and their tags in the event file.
var searchColumns = []report.Column[search.Record]{
	{Name: "epoch", Tag: "", Value: func(r search.Record) (float64, bool) { return float64(r.Epoch), true }},
	{Name: "loss", Tag: "epoch/loss", Value: func(r search.Record) (float64, bool) { return r.Loss, true }},
	{Name: "loss_half_b", Tag: "epoch/loss_half_b", Value: func(r search.Record) (float64, bool) { return r.ArchLoss, r.ArchLoss > 0 }},
	{Name: "miou", Tag: "epoch/miou", Value: func(r search.Record) (float64, bool) { return r.MIoU, r.MIoU >= 0 }},
	{Name: "cost", Tag: "epoch/cost", Value: func(r search.Record) (float64, bool) { return r.Cost, r.Cost > 0 }},
	{Name: "alpha_entropy", Tag: "epoch/alpha_entropy", Value: func(r search.Record) (float64, bool) { return r.AlphaEntropy, true }},
	{Name: "beta_entropy", Tag: "epoch/beta_entropy", Value: func(r search.Record) (float64, bool) { return r.BetaEntropy, true }},
	{Name: "skip_connections", Tag: "epoch/skip_connections", Value: func(r search.Record) (float64, bool) { return float64(r.Skips), true }},
	{Name: "stable_epochs", Tag: "epoch/stable_epochs", Value: func(r search.Record) (float64, bool) { return float64(r.Stable), true }},
}

func (l *searchLog) flush() error { return l.Flush(filepath.Join(l.dir, logFile), l.s.History()) }

func pathText(path []int) string {
	words := make([]string, len(path))
	for i, k := range path {
		words[i] = strconv.Itoa(k)
	}
	return strings.Join(words, " ")
}

// report writes the page of the search and gives its path.
func (l *searchLog) report(d *decode.Decoding) (string, error) {
	path := filepath.Join(l.dir, reportFile)
	page := searchPage(l.s.Options(), l.s.History(), l.s.Relaxation(), d)
	page.Warnings = l.warnings
	return path, atomicfile.Write(path, page.WriteHTML)
}

// searchPage is the report of a search as it stands.
func searchPage(o search.Options, history []search.Record, r *decode.Relaxation, d *decode.Decoding) *report.Page {
	p := &report.Page{Title: "Architecture search", Search: &report.Search{Relaxation: r, Decoding: d}}
	for _, f := range search.Flags {
		p.Options = append(p.Options, report.Option{Name: "--" + f.Name, Value: f.Text(&o)})
	}
	curve := func(name, column string, scale float64) report.Curve {
		return report.Plot(name, searchColumns, column, scale, history)
	}
	p.Charts = []report.Chart{
		{Title: "Loss", Unit: "cross-entropy", Curves: []report.Curve{curve("half A (weights)", "loss", 1), curve("half B (α, β)", "loss_half_b", 1)}},
		{Title: "Validation of the supernet", Unit: "mIoU, %", Curves: []report.Curve{curve("mIoU", "miou", 100)}},
		{Title: "Entropy of the relaxation", Unit: "1 = uniform", Curves: []report.Curve{curve("α", "alpha_entropy", 1), curve("β", "beta_entropy", 1)}},
		{Title: "Expected cost", Unit: "of uniform α, β", Curves: []report.Curve{curve("cost", "cost", 1)}},
	}
	return p
}
