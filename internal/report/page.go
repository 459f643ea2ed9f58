// Package report makes what a training run leaves behind for people: an event file that TensorBoard shows ([Events]), a
// table of its epochs ([WriteCSV]), and one HTML page ([Page]) that opens from disk, without a network and without
// scripts.
//
// Nothing here looks at a clock or at the machine: the same input gives the same bytes.
package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode"

	"autodeeplab/decode"
	"autodeeplab/internal/atomicfile"
)

// Page is a report of a run, finished or not. Everything in it may be left out; text may hold anything.
type Page struct {
	Title    string
	Subtitle string // a line under the title: what was run on, how far it has come
	Warnings []string
	Facts    []Option // the few numbers that matter, shown large
	Charts   []Chart
	// Relaxation is what a search has learned. The page shows its decoding: the path on the trellis, the cell, how sure
	// the search is of both, and α.
	Relaxation *decode.Relaxation
	Paths      int // of the best paths, how many to list: 1 to [decode.MaxTop], 0 for 5
	Pictures   []Picture
	Tables     []Table
	Options    []Option // what the run was asked for
}

// Option is a name and a value, such as a flag with its argument.
type Option struct{ Name, Value string }

// Chart is a diagram of one or more curves over a common axis.
type Chart struct {
	Title string
	X, Y  string // what the axes show, with units
	// Whole says that only whole numbers belong on the x axis, as for epochs.
	Whole bool
	// From and To are values that the y axis covers whatever the data; equal ones leave it to the data.
	From, To float64
	Curves   []Curve
	Marks    []Mark
}

// Curve is one line of a chart. More than 6 curves share colours and differ in their dashes.
type Curve struct {
	Name   string
	Points []Point // by growing X; where a coordinate is not finite the line has a gap
}

// Point is a point of a curve, in the units of the axes.
type Point struct{ X, Y float64 }

// Mark is a vertical line with a label, such as the epoch where something begins.
type Mark struct {
	X    float64
	Text string
}

// Picture is a PNG file with what it shows.
type Picture struct {
	Caption string
	PNG     []byte
}

// Table is a table of text. Columns of numbers are set to the right. Rows that are shorter than the columns are filled up.
type Table struct {
	Title   string
	Note    string // under the title
	Columns []string
	Rows    [][]string
}

// defaultPaths is how many paths a page lists if not told.
const defaultPaths = 5

var (
	//go:embed page.html.tmpl
	pageSource string
	//go:embed page.css
	styleSheet string

	pageTemplate = template.Must(template.New("page").Parse(pageSource))
)

// WriteHTML writes the page as one HTML document in UTF-8, with its pictures in it. All text is escaped, and the page
// forbids itself scripts and connections. Nothing is written where the page cannot be made: Relaxation is not valid, or
// a picture is no PNG.
func (p *Page) WriteHTML(w io.Writer) error {
	v, err := p.view()
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	_, err = w.Write(b.Bytes())
	return err
}

// WriteFile writes the page to the file at path, whole or not at all.
func (p *Page) WriteFile(path string) error {
	if err := atomicfile.Sweep(path); err != nil {
		return err
	}
	return atomicfile.Write(path, p.WriteHTML)
}

// clean makes text of what may be anything: bytes that are no UTF-8, control characters and those that change the
// direction of what follows become replacement characters. Line breaks and tabs become spaces.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}
