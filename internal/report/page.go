// Package report writes what a search or a training leaves for people: a page of HTML that opens from disk without a
// network, a table of its epochs, and event files for TensorBoard.
package report

import (
	"bytes"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"image/color"
	"io"
	"math"
	"strings"

	"autodeeplab/decode"
	"autodeeplab/decode/draw"
)

// Page is the contents of a report. Equal pages give equal bytes.
type Page struct {
	Title    string
	Lines    []string // under the title: what came out of it
	Options  []Option
	Warnings []string
	Charts   []Chart
	Search   *Search   // nil: not of a search
	Training *Training // nil: not of a training
}

// Search is α and β and what they decode to.
type Search struct {
	Relaxation *decode.Relaxation
	Decoding   *decode.Decoding // made from it
}

// Training is what a network has learned.
type Training struct {
	// Architecture is that of the network; nil where it is not known.
	Architecture *decode.Architecture
	// Epoch is the one that Classes are of.
	Epoch   int
	Classes []Class
	Samples []Sample
}

// Class is a class of pixels: its colour in the pictures, and its IoU, negative where the labels do not have it.
type Class struct {
	Name   string
	Colour color.RGBA
	IoU    float64
}

// Sample is an image, its labels and a prediction side by side, as Triptych draws them.
type Sample struct {
	Epoch int
	Name  string
	PNG   []byte
}

// Option is a line of the table of options.
type Option struct{ Name, Value string }

// Chart is a diagram of one or more curves over the epochs.
type Chart struct {
	Title, Unit string
	Curves      []Curve
}

// Curve is one line of a Chart. Points that are NaN are left out.
type Curve struct {
	Name string
	X, Y []float64
}

//go:embed page.html
var files embed.FS

var page = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"chart": func(c Chart) template.HTML { return template.HTML(c.svg()) },
	"colour": func(c color.RGBA) template.CSS {
		return template.CSS(fmt.Sprintf("background:#%02x%02x%02x", c.R, c.G, c.B))
	},
	"percent": func(x float64) string { return fmt.Sprintf("%.2f", 100*x) },
	"png": func(data []byte) template.URL {
		return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(data))
	},
	"trellis": func(a *decode.Architecture) (template.HTML, error) { return inline(draw.Trellis(a)) },
	"cell":    func(a *decode.Architecture) (template.HTML, error) { return inline(draw.Cell(a)) },
	"levels":  levels,
}).ParseFS(files, "page.html"))

// WriteHTML writes the page.
func (p *Page) WriteHTML(w io.Writer) error { return page.Execute(w, p) }

// inline gives a figure as SVG without the XML declaration, which must not stand inside HTML.
func inline(f *draw.Figure) (template.HTML, error) {
	var b bytes.Buffer
	if err := f.WriteSVG(&b); err != nil {
		return "", err
	}
	text := b.String()
	if at := strings.Index(text, "<svg"); at >= 0 {
		text = text[at:]
	}
	return template.HTML(text), nil
}

// heatRow is an edge of the α heat map.
type heatRow struct {
	Edge  string
	Cells []heatCell
}

type heatCell struct {
	Text, Title string
	Shade       template.CSS
	Chosen      bool
}

// Heat is α, a row an edge.
func (s *Search) Heat() []heatRow {
	weights := s.Relaxation.EdgeWeights()
	most := 0.0
	for _, w := range weights {
		most = max(most, w)
	}
	var rows []heatRow
	for i, e := range s.Decoding.Edges {
		row := heatRow{Edge: fmt.Sprintf("block %d ← %s", e.Block, decode.StateName(e.Input))}
		for op, w := range weights[i*decode.NumOperators:][:decode.NumOperators] {
			row.Cells = append(row.Cells, heatCell{
				Text: fmt.Sprintf("%.3f", w), Title: fmt.Sprintf("%s, %v: %.5f", row.Edge, decode.Operator(op), w),
				Shade:  template.CSS(fmt.Sprintf("--share:%.0f%%", 100*w/most)),
				Chosen: e.Kept && e.Op == decode.Operator(op),
			})
		}
		rows = append(rows, row)
	}
	return rows
}

// levels writes a path as rates.
func levels(path []int) string {
	var b strings.Builder
	for i, k := range path {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(decode.Rate(k))
	}
	return b.String()
}

// Paths are the best paths.
func (s *Search) Paths() [][]string {
	var rows [][]string
	for i, path := range s.Decoding.Paths {
		margin := "–"
		if !math.IsInf(path.Margin, 0) {
			margin = fmt.Sprintf("%.4f", path.Margin)
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), levels(path.Levels), fmt.Sprintf("%.3g", path.Score), margin})
	}
	return rows
}

// Edges are all edges with what they became.
func (s *Search) Edges() [][]string {
	var rows [][]string
	for _, e := range s.Decoding.Edges {
		kept := "dropped"
		if e.Kept {
			kept = fmt.Sprintf("branch %d", e.Branch)
		}
		rows = append(rows, []string{fmt.Sprintf("block %d ← %s", e.Block, decode.StateName(e.Input)), kept, e.Op.String(), fmt.Sprintf("%.4f", e.Strength),
			e.RunnerUp.String(), fmt.Sprintf("%.4f", e.RunnerUpStrength), fmt.Sprintf("%.4f", e.Margin()), fmt.Sprintf("%.4f", e.None)})
	}
	return rows
}

// Operators are the columns of Heat.
func (*Search) Operators() []decode.Operator { ops := decode.Operators(); return ops[:] }
