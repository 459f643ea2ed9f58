package main

import (
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
	"autodeeplab/internal/searchpage"
	"autodeeplab/search"
)

// Further files of a search.
const (
	logFile    = "log.csv"
	reportFile = "report.html"
)

// reportPaths is how many of the best paths a search's report shows.
const reportPaths = 5

// searchLog keeps the log of a search: log.csv and report.html are functions of its history and written anew after every
// epoch; every run has an event file of its own.
type searchLog struct {
	dir      string
	s        *search.Search
	file     *os.File
	events   *searchpage.Events
	warnings []string
	err      error
}

func newSearchLog(dir string, s *search.Search) (*searchLog, error) {
	l := &searchLog{dir: dir, s: s}
	if s.Finished() {
		return l, nil
	}
	now := time.Now()
	f, err := os.Create(filepath.Join(dir, searchpage.EventsFile(now)))
	if err != nil {
		return nil, err
	}
	l.file = f
	l.events, err = searchpage.NewEvents(f, now)
	return l, err
}

// scalar adds a value to the event file; the first error is kept for flush.
func (l *searchLog) scalar(step int, tag string, value float64) {
	if l.err == nil && l.events != nil {
		l.err = l.events.Scalar(time.Now(), step, tag, value)
	}
}

func (l *searchLog) step(i search.StepInfo) {
	step := i.Epoch*i.Steps + i.Step
	l.scalar(step, "step/loss", i.Loss)
	l.scalar(step, "step/rate", i.Rate)
	l.scalar(step, "step/images_per_second", float64(i.Images)/i.Took.Seconds())
	if i.ArchLoss > 0 {
		l.scalar(step, "step/loss_half_b", i.ArchLoss)
	}
}

func (l *searchLog) epoch(r search.Record) {
	for _, c := range logColumns {
		if v, ok := c.value(r); ok && c.tag != "" {
			l.scalar(r.Epoch, c.tag, v)
		}
	}
}

func (l *searchLog) warn(text string) { l.warnings = append(l.warnings, text) }

// logColumns are the columns of log.csv that are numbers, and their tags in the event file.
var logColumns = []struct {
	name, tag string
	value     func(search.Record) (float64, bool)
}{
	{"epoch", "", func(r search.Record) (float64, bool) { return float64(r.Epoch), true }},
	{"loss", "epoch/loss", func(r search.Record) (float64, bool) { return r.Loss, true }},
	{"loss_half_b", "epoch/loss_half_b", func(r search.Record) (float64, bool) { return r.ArchLoss, r.ArchLoss > 0 }},
	{"miou", "epoch/miou", func(r search.Record) (float64, bool) { return r.MIoU, r.MIoU >= 0 }},
	{"cost", "epoch/cost", func(r search.Record) (float64, bool) { return r.Cost, r.Cost > 0 }},
	{"alpha_entropy", "epoch/alpha_entropy", func(r search.Record) (float64, bool) { return r.AlphaEntropy, true }},
	{"beta_entropy", "epoch/beta_entropy", func(r search.Record) (float64, bool) { return r.BetaEntropy, true }},
	{"skip_connections", "epoch/skip_connections", func(r search.Record) (float64, bool) { return float64(r.Skips), true }},
	{"stable_epochs", "epoch/stable_epochs", func(r search.Record) (float64, bool) { return float64(r.Stable), true }},
}

// flush writes log.csv, and tells of what went wrong with the event file.
func (l *searchLog) flush() error {
	if l.err != nil {
		return l.err
	}
	return atomicfile.Write(filepath.Join(l.dir, logFile), func(w io.Writer) error {
		c := csv.NewWriter(w)
		var row []string
		for _, column := range logColumns {
			row = append(row, column.name)
		}
		if err := c.Write(append(row, "cell", "path")); err != nil {
			return err
		}
		for _, r := range l.s.History() {
			row = row[:0]
			for _, column := range logColumns {
				text := ""
				if v, ok := column.value(r); ok {
					text = strconv.FormatFloat(v, 'g', -1, 64)
				}
				row = append(row, text)
			}
			if err := c.Write(append(row, r.Cell, pathText(r.Path))); err != nil {
				return err
			}
		}
		c.Flush()
		return c.Error()
	})
}

func pathText(path []int) string {
	words := make([]string, len(path))
	for i, k := range path {
		words[i] = strconv.Itoa(k)
	}
	return strings.Join(words, " ")
}

// Close ends the event file.
func (l *searchLog) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// report writes the page of the search and gives its path.
func (l *searchLog) report(d *decode.Decoding) (string, error) {
	path := filepath.Join(l.dir, reportFile)
	page := searchPage(l.s.Options(), l.s.History(), l.s.Relaxation(), d)
	page.Warnings = l.warnings
	return path, atomicfile.Write(path, page.WriteHTML)
}

// searchPage is the report of a search as it stands.
func searchPage(o search.Options, history []search.Record, r *decode.Relaxation, d *decode.Decoding) *searchpage.Page {
	p := &searchpage.Page{Title: "Architecture search", Relaxation: r, Decoding: d}
	for _, f := range search.Flags {
		p.Options = append(p.Options, searchpage.Option{Name: "--" + f.Name, Value: f.Text(&o)})
	}
	curve := func(name, column string, scale float64) searchpage.Curve {
		for _, c := range logColumns {
			if c.name == column {
				return searchpage.Points(name, len(history), func(i int) (float64, float64, bool) {
					v, ok := c.value(history[i])
					return float64(history[i].Epoch), scale * v, ok
				})
			}
		}
		return searchpage.Points(name, 0, func(int) (float64, float64, bool) { return 0, math.NaN(), false })
	}
	p.Charts = []searchpage.Chart{
		{Title: "Loss", Unit: "cross-entropy", Curves: []searchpage.Curve{curve("half A (weights)", "loss", 1), curve("half B (α, β)", "loss_half_b", 1)}},
		{Title: "Validation of the supernet", Unit: "mIoU, %", Curves: []searchpage.Curve{curve("mIoU", "miou", 100)}},
		{Title: "Entropy of the relaxation", Unit: "1 = uniform", Curves: []searchpage.Curve{curve("α", "alpha_entropy", 1), curve("β", "beta_entropy", 1)}},
		{Title: "Expected cost", Unit: "of uniform α, β", Curves: []searchpage.Curve{curve("cost", "cost", 1)}},
	}
	return p
}
