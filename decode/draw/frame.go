package draw

import (
	"image/color"
	"math"
	"strings"

	"autodeeplab/decode"
)

func withColor(c curve, col color.Color, width float64, head bool) curve {
	c.color, c.lineWidth, c.head = col, width, head
	return c
}

// titleText is the title of a figure: the architecture's name, where it has one, and what is shown of it.
func titleText(a *decode.Architecture, what string) string {
	if a.Name == "" {
		return strings.ToUpper(what[:1]) + what[1:]
	}
	return a.Name + ": " + what
}

// header adds the title and the line under it, and returns the width that the figure needs then. A long name widens
// the figure to some extent and is cut beyond that.
func (s *scene) header(a *decode.Architecture, what, subtitle string, width float64) float64 {
	const most = 640
	title := titleText(a, what)
	if room := math.Max(width, most) - 2*margin; a.Name != "" {
		rest := run{text: ": " + what, face: bold, size: titleSize}.width()
		title = fitted(bold, titleSize, room-rest, a.Name) + ": " + what
	}
	lines := []label{
		text(bold, titleSize, ink, point{margin, margin + 12}, title),
		text(regular, subtitleSize, muted, point{margin, margin + 28}, subtitle),
	}
	for _, l := range lines {
		s.add(l)
		width = math.Max(width, l.bounds().x1+margin)
	}
	return width
}

// legendEntry is a mark, drawn around a point in a space 12 points wide and high, and what it stands for.
type legendEntry struct {
	what string
	mark func(point) []item
}

// legend adds the entries in lines from y on, as many to a line as fit in width, and returns the width needed: more
// than the given where a single entry is wider.
func (s *scene) legend(y, width float64, entries []legendEntry) float64 {
	const markWidth, gap, lineHeight = 18, 22, legendHeight + 5
	x := margin
	y += legendHeight / 2
	for _, e := range entries {
		l := text(regular, legendSize, muted, point{}, e.what)
		w := markWidth + l.width()
		if x > margin && x+w > width-margin {
			x, y = margin, y+lineHeight
		}
		s.add(e.mark(point{x + 6, y})...)
		l.at = point{x + markWidth, y + capHeight*legendSize/2}
		s.add(l)
		x += w
		width = math.Max(width, x+margin)
		x += gap
	}
	return width
}

// figure closes the scene: as wide as given, as high as its items need, and made smaller, to three quarters at most,
// where it would not fit on a screen.
func (s *scene) figure(title string, width float64) *Figure {
	height := 0.0
	for _, it := range s.items {
		switch it := it.(type) {
		case box:
			height = math.Max(height, it.y1)
		case label:
			height = math.Max(height, it.bounds().y1)
		}
	}
	height += margin
	k := math.Min(1, math.Min(screenWidth/width, screenHeight/height))
	k = math.Max(k, 0.75)
	return &Figure{title: title, w: math.Ceil(k * width), h: math.Ceil(k * height), items: s.scaled(k)}
}
