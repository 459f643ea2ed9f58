package report

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"slices"
	"strings"

	"autodeeplab/decode"
)

// Colours of curves: Okabe and Ito's, told apart by the colour-blind; blue, vermilion, green, purple.
var curveColours = []string{"#0072B2", "#D55E00", "#009E73", "#CC79A7"}

// svg draws a chart. Text takes the colour of the page, so that it reads on light and dark.
func (c Chart) svg() string {
	const width, height, left, right, top, bottom = 520.0, 260.0, 56.0, 12.0, 34.0, 40.0
	x0, x1 := math.Inf(1), math.Inf(-1)
	y0, y1 := math.Inf(1), math.Inf(-1)
	for _, curve := range c.Curves {
		for i, y := range curve.Y {
			if !math.IsNaN(y) {
				x0, x1 = min(x0, curve.X[i]), max(x1, curve.X[i])
				y0, y1 = min(y0, y), max(y1, y)
			}
		}
	}
	if math.IsInf(x0, 0) {
		return ""
	}
	if x1 == x0 {
		x0, x1 = x0-1, x1+1
	}
	ticks := niceTicks(y0, y1, 5)
	y0, y1 = min(y0, ticks[0]), max(y1, ticks[len(ticks)-1])
	px := func(x float64) float64 { return left + (x-x0)/(x1-x0)*(width-left-right) }
	py := func(y float64) float64 { return height - bottom - (y-y0)/(y1-y0)*(height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="chart" viewBox="0 0 %g %g" role="img" aria-label="%s">`, width, height, html.EscapeString(c.Title))
	for _, y := range ticks {
		fmt.Fprintf(&b, `<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/><text x="%g" y="%.1f" text-anchor="end">%s</text>`, left, width-right, py(y), py(y), left-6, py(y)+4, tickText(y))
	}
	for _, x := range niceTicks(x0, x1, 8) {
		if x == math.Trunc(x) && x >= x0 && x <= x1 {
			fmt.Fprintf(&b, `<text x="%.1f" y="%g" text-anchor="middle">%s</text>`, px(x), height-bottom+18, tickText(x))
		}
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle">epoch</text><text x="4" y="14">%s</text>`, (left+width-right)/2, height-4, html.EscapeString(c.Unit))
	legend := left + 120.0
	for i, curve := range c.Curves {
		colour := curveColours[i%len(curveColours)]
		var points []string
		for j, y := range curve.Y {
			if !math.IsNaN(y) {
				points = append(points, fmt.Sprintf("%.1f,%.1f", px(curve.X[j]), py(y)))
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="2.5" fill="%s"><title>%s, epoch %s: %.5g</title></circle>`, px(curve.X[j]), py(y), colour, html.EscapeString(curve.Name), tickText(curve.X[j]), y)
			}
		}
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" points="%s"/>`, colour, strings.Join(points, " "))
		fmt.Fprintf(&b, `<rect x="%g" y="6" width="14" height="4" fill="%s"/><text x="%g" y="14">%s</text>`, legend, colour, legend+20, html.EscapeString(curve.Name))
		legend += 34 + 7.2*float64(len([]rune(curve.Name)))
	}
	return b.String() + "</svg>"
}

// niceTicks are multiples of 1, 2 or 5 times a power of ten that span a range, about n of them.
func niceTicks(lo, hi float64, n int) []float64 {
	if hi <= lo {
		lo, hi = lo-math.Abs(lo)/2-1e-9, hi+math.Abs(hi)/2+1e-9
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*f) <= float64(n) {
			step *= f
			break
		}
	}
	first, last := math.Floor(lo/step), math.Ceil(hi/step)
	if !(last-first < 100 && math.Abs(first) < 1<<50 && math.Abs(last) < 1<<50) { // numbers so large that one more is none
		return []float64{lo, hi}
	}
	var ticks []float64
	for i := first; i <= last; i++ {
		ticks = append(ticks, i*step)
	}
	return ticks
}

func tickText(v float64) string { return fmt.Sprintf("%.6g", math.Round(v*1e9)/1e9) }

// Trellis draws the moves with their probabilities β: the wider and darker, the likelier; the decoded path in colour.
func (s *Search) Trellis() template.HTML {
	r := s.Relaxation
	const dx, dy, left, top = 78.0, 78.0, 100.0, 40.0
	width, height := left+dx*float64(r.Layers)+40, top+dy*float64(r.Levels-1)+46
	x := func(layer int) float64 { return left + dx*float64(layer+1) - dx/2 }
	y := func(level int) float64 { return top + dy*float64(level) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="trellis" viewBox="0 0 %g %g" role="img" aria-label="trellis with the probabilities of its moves">`, width, height)
	for k := range r.Levels {
		fmt.Fprintf(&b, `<text x="8" y="%g">%s</text>`, y(k)+5, decode.Rate(k))
	}
	path := s.Decoding.Architecture.Path
	before := func(layer int) int {
		if layer == 0 {
			return 0
		}
		return path[layer-1]
	}
	weights := r.MoveWeights()
	var marks strings.Builder
	for l := range r.Layers {
		for k := range r.Levels {
			for m := range 3 {
				if r.Masked(l, k, m) {
					continue
				}
				w, to := weights[(l*r.Levels+k)*3+m], k+m-1
				class := "move"
				if before(l) == k && path[l] == to {
					class = "move chosen"
				}
				fmt.Fprintf(&b, `<line class="%s" x1="%g" y1="%g" x2="%g" y2="%g" stroke-width="%.2f" stroke-opacity="%.3f"><title>layer %d, %s to %s: %.4f</title></line>`,
					class, x(l-1), y(k), x(l), y(to), 0.8+5*w, 0.15+0.85*w, l+1, decode.Rate(k), decode.Rate(to), w)
			}
		}
	}
	for l := -1; l < r.Layers; l++ {
		for k := range r.Levels {
			if l == -1 && k > 0 || l >= 0 && k > l+1 {
				continue
			}
			class, name := "node", fmt.Sprint(l+1)
			if l == -1 {
				name = "stem"
			}
			if l == -1 || path[l] == k {
				class = "node chosen"
			}
			fmt.Fprintf(&marks, `<circle class="%s" cx="%g" cy="%g" r="13"/><text x="%g" y="%g" text-anchor="middle" class="label">%s</text>`, class, x(l), y(k), x(l), y(k)+4, map[bool]string{true: "S", false: name}[name == "stem"])
		}
	}
	fmt.Fprintf(&b, `%s<text x="%g" y="%g" text-anchor="middle">layer (S is the stem)</text></svg>`, marks.String(), (left+width)/2, height-8)
	return template.HTML(b.String())
}

// Points makes a curve of n points; those that are not ok are left out.
func Points(name string, n int, at func(i int) (x, y float64, ok bool)) Curve {
	c := Curve{Name: name}
	for i := range n {
		x, y, ok := at(i)
		if !ok {
			y = math.NaN()
		}
		c.X, c.Y = append(c.X, x), append(c.Y, y)
	}
	return c
}

// Empty reports whether no curve of the chart has a point.
func (c Chart) Empty() bool {
	return !slices.ContainsFunc(c.Curves, func(k Curve) bool {
		return slices.ContainsFunc(k.Y, func(y float64) bool { return !math.IsNaN(y) })
	})
}
