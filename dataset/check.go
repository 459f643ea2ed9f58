package dataset

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// CheckOptions are the choices of Check.
type CheckOptions struct {
	Workers int // that read files, 0 meaning one a processor; the report does not depend on it
	// Progress, if not nil, is told how many samples have been read. It may be called by several goroutines.
	Progress func(done, all int)
}

// Report is what Check found.
type Report struct {
	Dir      string        `json:"dir"`
	Layout   string        `json:"layout"`
	Splits   []SplitReport `json:"splits"` // train, val
	Classes  []ClassReport `json:"classes"`
	Errors   int           `json:"errors"`
	Warnings int           `json:"warnings"`
	Findings []Finding     `json:"findings"` // errors first
}

// SplitReport sums up the samples of a split. Sizes and pixels are of those that could be read.
type SplitReport struct {
	Name          string `json:"name"`
	Pairs         int    `json:"pairs"`
	Readable      int    `json:"readable"`
	Height        Range  `json:"height"`
	Width         Range  `json:"width"`
	Pixels        int64  `json:"pixels"`
	IgnoredPixels int64  `json:"ignored_pixels"`
}

// Range is the smallest, the middle (of an even number, the lower of the two) and the largest of some lengths; 0 of none.
type Range struct {
	Min    int `json:"min"`
	Median int `json:"median"`
	Max    int `json:"max"`
}

// ClassReport says how much of each split a class is, in the order of Report.Splits.
type ClassReport struct {
	ID     int      `json:"id"`
	Name   string   `json:"name"`
	Pixels [2]int64 `json:"pixels"`
	Images [2]int   `json:"images"` // that have any of it
}

// Finding is one thing that is wrong, or may be. Kinds of errors: "no labels", "no image", "same name", "not a file",
// "unreadable", "size", "label", "empty"; of warnings: "duplicate", "all ignored", "absent class", "mistake".
type Finding struct {
	Error bool   `json:"error"`
	Kind  string `json:"kind"`
	File  string `json:"file"`
	Text  string `json:"text"`
	// Of kind "label", the value, how many pixels have it, and where the first is; otherwise 0.
	Label  int `json:"label,omitempty"`
	Pixels int `json:"pixels,omitempty"`
	Column int `json:"column,omitempty"`
	Row    int `json:"row,omitempty"`
}

// examined is what one sample gives to the report.
type examined struct {
	read      bool
	h, w      int
	values    [256]int // pixels by the value in the file
	classes   [256]int // and by what it stands for
	sum       [sha256.Size]byte
	findings  []Finding
	truecolor bool
}

// Check reads a whole data set, in a layout as Open takes it, and reports what it holds and what is wrong with it. Where
// Open stops at the first mistake, Check goes on. Its error is that of a folder which no layout fits, or ctx's.
func Check(ctx context.Context, dir, layout string, o CheckOptions) (*Report, error) {
	s, problems, err := survey(dir, layout)
	if err != nil {
		return nil, err
	}
	all := append(append([]Sample{}, s.Train...), s.Val...)
	results := make([]examined, len(all))
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	var next, done atomic.Int64
	var wait sync.WaitGroup
	for range o.Workers {
		wait.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				results[i] = s.examine(all[i])
				if d := done.Add(1); o.Progress != nil {
					o.Progress(int(d), len(all))
				}
			}
		})
	}
	wait.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r := &Report{Dir: dir, Layout: s.Layout, Findings: []Finding{}}
	for _, p := range problems {
		r.Findings = append(r.Findings, Finding{Error: true, Kind: p.kind, File: p.path, Text: p.text})
	}
	for id, name := range s.Classes.ClassNames {
		r.Classes = append(r.Classes, ClassReport{ID: id, Name: name})
	}
	r.split("train", 0, s, s.Train, results[:len(s.Train)])
	r.split("val", 1, s, s.Val, results[len(s.Train):])
	r.duplicates(all, len(s.Train), results)
	r.absent(s)
	r.mistakes(s, all, results)
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		switch {
		case a.Error == b.Error:
			return 0
		case a.Error:
			return -1
		}
		return 1
	})
	for _, f := range r.Findings {
		if f.Error {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
	return r, nil
}

// examine reads one sample.
func (s *Set) examine(sample Sample) (e examined) {
	fail := func(kind, file, text string) {
		e.findings = append(e.findings, Finding{Error: true, Kind: kind, File: file, Text: text})
	}
	var err error
	if e.sum, err = s.imageSum(sample); err != nil {
		fail("unreadable", sample.Image, trimPath(err, sample.Image))
		return e
	}
	p, ids, h, w, err := s.read(sample)
	if err != nil {
		file := sample.Image
		if strings.HasPrefix(err.Error(), sample.Label+":") {
			file = sample.Label
		}
		e.truecolor = errors.Is(err, errColours)
		fail("unreadable", file, trimPath(err, file))
		return e
	}
	if h != p.Height() || w != p.Width() {
		fail("size", sample.Label, fmt.Sprintf("the labels are %d×%d, the image %s is %d×%d", w, h, sample.Image, p.Width(), p.Height()))
		return e
	}
	e.read, e.h, e.w = true, h, w
	table := sample.scheme.table(&s.Classes)
	var first [256]int
	for i, v := range ids {
		if e.values[v] == 0 {
			first[v] = i
		}
		e.values[v]++
	}
	for v, n := range e.values {
		switch class := table[v]; {
		case n == 0:
		case class == strange:
			f := Finding{Error: true, Kind: "label", File: sample.Label, Label: v, Pixels: n, Column: first[v] % w, Row: first[v] / w}
			f.Text = fmt.Sprintf("label %d at column %d, row %d (%d pixels in all), want %s", v, f.Column, f.Row, n, sample.scheme.want(&s.Classes))
			e.findings = append(e.findings, f)
		default:
			e.classes[class] += n
		}
	}
	if e.classes[Ignore] == h*w {
		e.findings = append(e.findings, Finding{Kind: "all ignored", File: sample.Label, Text: "every pixel is ignored, so that nothing can be learnt from it"})
	}
	return e
}

// imageSum is a digest of a sample's encoded image.
func (s *Set) imageSum(sample Sample) (sum [sha256.Size]byte, err error) {
	f, err := openRegular(sample.Image)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	if sample.record != (span{}) {
		record, err := readRecord(f, sample.record)
		if err != nil {
			return sum, fmt.Errorf("(%s): %w", sample.Name, err)
		}
		image, _, err := pictureAndLabels(record)
		if err != nil {
			return sum, fmt.Errorf("(%s): %w", sample.Name, err)
		}
		return sha256.Sum256(image), nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// trimPath is an error's text without the path that a finding names beside it.
func trimPath(err error, path string) string {
	text := strings.TrimPrefix(err.Error(), path)
	return strings.TrimLeft(strings.TrimPrefix(text, ":"), " ")
}

func (r *Report) split(name string, at int, s *Set, samples []Sample, results []examined) {
	report := SplitReport{Name: name, Pairs: len(samples)}
	var heights, widths []int
	for _, e := range results {
		r.Findings = append(r.Findings, e.findings...)
		if !e.read {
			continue
		}
		report.Readable++
		heights, widths = append(heights, e.h), append(widths, e.w)
		report.Pixels += int64(e.h * e.w)
		report.IgnoredPixels += int64(e.classes[Ignore])
		for id := range r.Classes {
			if n := e.classes[id]; n > 0 && id != Ignore {
				r.Classes[id].Pixels[at] += int64(n)
				r.Classes[id].Images[at]++
			}
		}
	}
	if len(samples) == 0 {
		from := layoutOf(s).train
		if at == 1 {
			from = layoutOf(s).val
		}
		r.Findings = append(r.Findings, Finding{Error: true, Kind: "empty", File: filepath.Join(s.Dir, from[0].images), Text: name + " has no pair of an image and labels"})
	}
	report.Height, report.Width = rangeOf(heights), rangeOf(widths)
	r.Splits = append(r.Splits, report)
}

func rangeOf(v []int) Range {
	if len(v) == 0 {
		return Range{}
	}
	slices.Sort(v)
	return Range{v[0], v[(len(v)-1)/2], v[len(v)-1]}
}

// duplicates finds images of the same bytes; the first train of all are of the training split.
func (r *Report) duplicates(all []Sample, train int, results []examined) {
	first := make(map[[sha256.Size]byte]int)
	for i, e := range results {
		if e.sum == ([sha256.Size]byte{}) {
			continue
		}
		j, twice := first[e.sum]
		if !twice {
			first[e.sum] = i
			continue
		}
		text := "it is the same picture as " + all[j].Image
		if all[j].record != (span{}) {
			text = fmt.Sprintf("%s is the same picture as %s", all[i].Name, all[j].Name)
		}
		if j < train && i >= train {
			text += ", which is trained on: what val measures is not new to the network"
		}
		r.Findings = append(r.Findings, Finding{Kind: "duplicate", File: all[i].Image, Text: text})
	}
}

// absent finds classes that cannot be learnt.
func (r *Report) absent(s *Set) {
	if len(r.Splits) == 0 || r.Splits[0].Readable == 0 {
		return
	}
	for _, c := range r.Classes {
		if c.Pixels[0] > 0 {
			continue
		}
		text := fmt.Sprintf("class %d (%s) is in no training labels", c.ID, c.Name)
		if c.Pixels[1] > 0 {
			text += fmt.Sprintf(", but in %d of val", c.Images[1])
		}
		r.Findings = append(r.Findings, Finding{Kind: "absent class", File: s.Dir, Text: text})
	}
}
