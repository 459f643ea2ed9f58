package draw

import (
	"fmt"
	"image/color"
	"math"
	"strconv"

	"autodeeplab/decode"
)

// Sizes shared by the two figures, in points.
const (
	margin       = 18.0
	titleSize    = 15.0
	subtitleSize = 9.5
	labelSize    = 10.0
	legendSize   = 9.0
	screenWidth  = 1200.0 // 1600 pixels at DefaultDPI
	screenHeight = 675.0  // 900 pixels
	headerHeight = 46.0   // title and subtitle, margin above included
	legendHeight = 14.0
)

var (
	pathColor = rgb(0x1f5fa8)
	stemColor = rgb(0x5f6975)
	asppFill  = rgb(0xfde3c8)
	asppLine  = rgb(0xc9661a)
)

// Trellis draws the resolutions of a network (figure 1 of the paper, left, and figure 3): a column for the stem and
// one a layer, a row for each downsample rate from the stem's 1/2 to 1/32; all nodes and transitions of the search
// space in light grey; and over them the architecture's own path, from the stem to the head (ASPP). Where a is not
// valid the figure's writing methods return the error of its Validate.
func Trellis(a *decode.Architecture) *Figure {
	if err := a.Validate(); err != nil {
		return &Figure{err: err}
	}
	const (
		rateWidth = 34 // the column of rate labels
		asppWidth = 46
	)
	layers := a.Layers()
	fixed := 2*margin + rateWidth + asppWidth
	// The columns share a screen's width, but are never so close that three-digit layer numbers touch.
	pitch := math.Max(26, math.Min(78, (screenWidth-fixed)/(float64(layers)+2.4)))
	rowPitch := math.Max(46, math.Min(74, pitch))
	radius := math.Max(6, math.Min(13, 0.2*pitch))

	// Columns: the stem takes two, at 1/2 and at 1/4, a little closer than the layers; layer l, from 0, follows.
	stemX := margin + rateWidth + 0.6*pitch
	layerX := func(l int) float64 {
		if l < 0 {
			return stemX + 0.8*pitch
		}
		return stemX + 0.8*pitch + float64(l+1)*pitch
	}
	top := headerHeight + 62
	rowY := func(level int) float64 { return top + float64(level+1)*rowPitch } // level -1 is the stem's 1/2
	node := func(l, level int) point { return point{layerX(l), rowY(level)} }
	asppX := layerX(layers-1) + 0.9*pitch
	width := asppX + asppWidth + margin
	bottom := rowY(decode.NumLevels-1) + radius + 22

	var s scene
	s.trellisLabels(a, stemX, layerX, rowY, radius)

	// The search space. A layer's level is at most its number, counted from 1.
	levels := func(l int) int { return min(l+2, decode.NumLevels) }
	for l := range layers {
		for from := range levels(l - 1) {
			for to := max(0, from-1); to <= min(from+1, levels(l)-1); to++ {
				s.add(between(node(l-1, from), node(l, to), radius, faint, 1, false))
			}
		}
	}
	for l := range layers {
		for k := range levels(l) {
			if k == a.Path[l] {
				continue
			}
			b := circle(node(l, k), radius)
			b.fill, b.stroke, b.lineWidth = white, faint, 1.2
			s.add(b)
		}
	}

	// The network: stem, path, head. Arrows first, so that the nodes' rims are whole.
	stem := [2]point{{stemX, rowY(-1)}, node(-1, 0)}
	s.add(between(stem[0], stem[1], radius, stemColor, 2.2, true))
	at := stem[1]
	for l, k := range a.Path {
		s.add(between(at, node(l, k), radius, pathColor, 2.8, true))
		at = node(l, k)
	}
	aspp := rect{asppX, at.y - 11, asppX + asppWidth, at.y + 11}
	s.add(
		withColor(line(point{at.x + radius, at.y}, point{aspp.x0, at.y}), asppLine, 2.2, true),
		box{rect: aspp, radius: 5, fill: asppFill, stroke: asppLine, lineWidth: 1.2, solid: true},
		text(bold, labelSize, ink, point{}, "ASPP").centered(aspp.center()),
	)
	for _, p := range stem {
		s.disc(p, radius, stemColor)
	}
	for l, k := range a.Path {
		s.disc(node(l, k), radius, pathColor)
	}

	width = s.legend(bottom, width, []legendEntry{
		{"stem (fixed)", func(p point) []item { return disc(p, 5, stemColor) }},
		{"layer on the chosen path", func(p point) []item { return disc(p, 5, pathColor) }},
		{"other nodes and transitions of the search space", func(p point) []item {
			b := circle(p, 5)
			b.fill, b.stroke, b.lineWidth = white, faint, 1.2
			return []item{b}
		}},
	})
	subtitle := fmt.Sprintf("%s, output stride %d", plural(layers, "layer"), a.OutputStride())
	width = s.header(a, "path of resolutions", subtitle, width)
	return s.figure(titleText(a, "path of resolutions")+", "+subtitle, width)
}

// trellisLabels adds the rates on the left and the names of the columns on top.
func (s *scene) trellisLabels(a *decode.Architecture, stemX float64, layerX, rowY func(int) float64, radius float64) {
	numbersY := rowY(-1) - radius - 20
	s.add(text(regular, labelSize, muted, point{}, "rate").rightAligned(point{margin + 26, numbersY}))
	for k := -1; k < decode.NumLevels; k++ {
		rate := "1/2"
		if k >= 0 {
			rate = decode.Rate(k)
		}
		s.add(text(bold, labelSize, ink, point{}, rate).rightAligned(point{margin + 26, rowY(k)}))
	}
	s.add(text(regular, labelSize, muted, point{}, "stem").centered(point{(stemX + layerX(-1)) / 2, numbersY}))
	layers := a.Layers()
	for l := range layers {
		s.add(text(bold, labelSize, ink, point{}, strconv.Itoa(l+1)).centered(point{layerX(l), numbersY}))
	}
	s.add(text(regular, labelSize, muted, point{}, "layer").
		centered(point{(layerX(0) + layerX(layers-1)) / 2, numbersY - 16}))
}

// between returns the line from the rim of one node to the rim of another of the same radius.
func between(a, b point, radius float64, c color.Color, width float64, head bool) curve {
	d := math.Hypot(b.x-a.x, b.y-a.y)
	dx, dy := (b.x-a.x)/d*radius, (b.y-a.y)/d*radius
	return withColor(line(point{a.x + dx, a.y + dy}, point{b.x - dx, b.y - dy}), c, width, head)
}

// disc is a node of the network itself.
func disc(p point, radius float64, c color.Color) []item {
	b := circle(p, radius)
	b.fill = c
	return []item{b}
}

func (s *scene) disc(p point, radius float64, c color.Color) { s.add(disc(p, radius, c)...) }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
