// Package searchpage writes what a search leaves for people: a page of HTML that opens from disk without a network, a table
// of its epochs, and event files for TensorBoard.
package searchpage

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"

	"autodeeplab/decode"
	"autodeeplab/decode/draw"
)

// Page is the contents of a report. Equal pages give equal bytes.
type Page struct {
	Title    string
	Options  []Option
	Warnings []string
	Charts   []Chart
	// Relaxation and Decoding, which is made from it, are α and β and what they decode to.
	Relaxation *decode.Relaxation
	Decoding   *decode.Decoding
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
	"add":   func(a, b int) int { return a + b },
}).ParseFS(files, "page.html"))

// WriteHTML writes the page.
func (p *Page) WriteHTML(w io.Writer) error {
	cell, err := inline(draw.Cell(p.Decoding.Architecture))
	if err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"Page": p, "Heat": p.heat(), "Operators": decode.Operators(), "Trellis": template.HTML(p.trellis()), "Cell": cell,
		"Paths": p.paths(), "Edges": p.edges(), "Path": levels(p.Decoding.Architecture.Path),
	})
}

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

func (p *Page) heat() []heatRow {
	weights := p.Relaxation.EdgeWeights()
	most := 0.0
	for _, w := range weights {
		most = max(most, w)
	}
	var rows []heatRow
	for i, e := range p.Decoding.Edges {
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

func (p *Page) paths() [][]string {
	var rows [][]string
	for i, path := range p.Decoding.Paths {
		margin := "–"
		if !math.IsInf(path.Margin, 0) {
			margin = fmt.Sprintf("%.4f", path.Margin)
		}
		rows = append(rows, []string{fmt.Sprint(i + 1), levels(path.Levels), fmt.Sprintf("%.3g", path.Score), margin})
	}
	return rows
}

func (p *Page) edges() [][]string {
	var rows [][]string
	for _, e := range p.Decoding.Edges {
		kept := "dropped"
		if e.Kept {
			kept = fmt.Sprintf("branch %d", e.Branch)
		}
		rows = append(rows, []string{fmt.Sprintf("block %d ← %s", e.Block, decode.StateName(e.Input)), kept, e.Op.String(), fmt.Sprintf("%.4f", e.Strength),
			e.RunnerUp.String(), fmt.Sprintf("%.4f", e.RunnerUpStrength), fmt.Sprintf("%.4f", e.Margin()), fmt.Sprintf("%.4f", e.None)})
	}
	return rows
}
