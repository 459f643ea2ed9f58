package draw

import (
	"math"
	"math/rand/v2"
	"slices"
)

// layered is a drawing of a graph in columns, in which every link goes from one column to the next. What spans several
// columns has a vertex in each of those between (a lane), so that room is kept for it and no line meets a box. The
// layout finds, in two steps after Sugiyama's method, the order of the vertices in each column with few crossings,
// and then their heights.
type layered struct {
	vertices []vertex
	links    []link
	columns  [][]int // the vertices of each column, from the top
	in, out  [][]int // the links of each vertex
	gapLinks [][]int // the links between column c and c+1
}

// vertex is a box with height, or a lane: a place of no height that a line passes, as wide as the column.
type vertex struct {
	column int
	half   float64   // half its height
	slots  []float64 // where links arrive, as heights relative to its centre; nil for one in the centre
	y      float64   // height of its centre, the result

	flipped bool // the slots are taken in the opposite order
	order   int  // place in its column
}

// link is a line between neighbouring columns. Several links may leave one vertex, all from its centre; they are drawn
// as one line that forks, so they do not count as crossing each other.
type link struct {
	from, to, slot int
	// heft is what a crossing of this link costs: the product of both hefts is to be small.
	heft float64
	// pull is how strongly the link is kept straight.
	pull float64
}

func (g *layered) addVertex(v vertex) int {
	id := len(g.vertices)
	for len(g.columns) <= v.column {
		g.columns = append(g.columns, nil)
	}
	v.order = len(g.columns[v.column])
	g.columns[v.column] = append(g.columns[v.column], id)
	g.vertices = append(g.vertices, v)
	g.in, g.out = append(g.in, nil), append(g.out, nil)
	return id
}

func (g *layered) addLink(l link) {
	id := len(g.links)
	g.links = append(g.links, l)
	g.out[l.from] = append(g.out[l.from], id)
	g.in[l.to] = append(g.in[l.to], id)
	c := g.vertices[l.from].column
	for len(g.gapLinks) <= c {
		g.gapLinks = append(g.gapLinks, nil)
	}
	g.gapLinks[c] = append(g.gapLinks[c], id)
}

// arrival is the height, relative to the centre of its vertex, at which l arrives.
func (g *layered) arrival(l link) float64 {
	v := &g.vertices[l.to]
	if v.slots == nil {
		return 0
	}
	if v.flipped {
		return v.slots[len(v.slots)-1-l.slot]
	}
	return v.slots[l.slot]
}

// largeGraph is the number of vertices from which a quick search for an order replaces the thorough one. The published
// cell has 22, a cell of 8 blocks at most 60.
const largeGraph = 120

// crossings is the cost of the crossings between column c and the next.
func (g *layered) crossings(c int) float64 {
	if c < 0 || c >= len(g.gapLinks) {
		return 0
	}
	links := g.gapLinks[c]
	cost := 0.0
	for i, a := range links {
		la := g.links[a]
		for _, b := range links[:i] {
			lb := g.links[b]
			from := g.vertices[la.from].order - g.vertices[lb.from].order
			if from == 0 {
				continue
			}
			// Within one box the slots decide; no two links arrive at the same one.
			to := float64(g.vertices[la.to].order - g.vertices[lb.to].order)
			if to == 0 {
				to = g.arrival(la) - g.arrival(lb)
			}
			if float64(from)*to < 0 {
				cost += la.heft * lb.heft
			}
		}
	}
	return cost
}

func (g *layered) allCrossings() float64 {
	cost := 0.0
	for c := range g.gapLinks {
		cost += g.crossings(c)
	}
	return cost
}

// arrange orders the columns. It starts from the given order and from some shuffled ones (with fixed seeds: the result
// depends on nothing but the graph) and keeps the best.
func (g *layered) arrange() {
	starts := 16
	if len(g.vertices) > largeGraph {
		starts = 1
	}
	best := math.Inf(1)
	var order [][]int
	var flips []bool
	for start := range starts {
		if start > 0 {
			r := rand.New(rand.NewPCG(1, uint64(start)))
			for c := range g.columns {
				ids := g.columns[c]
				r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
				g.renumber(c)
			}
		}
		// Barycenters bring the order near a good one from anywhere; single moves then take it to a local minimum.
		// Local minima differ by start, hence several.
		for range 4 {
			for c := 1; c < len(g.columns); c++ {
				g.barycenter(c, true)
			}
			for c := len(g.columns) - 2; c >= 0; c-- {
				g.barycenter(c, false)
			}
		}
		for pass := 0; pass < 20 && g.improve(); pass++ {
		}
		if cost := g.allCrossings(); cost < best {
			best = cost
			order, flips = nil, nil
			for _, ids := range g.columns {
				order = append(order, slices.Clone(ids))
			}
			for _, v := range g.vertices {
				flips = append(flips, v.flipped)
			}
		}
	}
	g.columns = order
	for c := range g.columns {
		g.renumber(c)
	}
	for i := range g.vertices {
		g.vertices[i].flipped = flips[i]
	}
}

// renumber makes the vertices of column c agree with its order.
func (g *layered) renumber(c int) {
	for i, id := range g.columns[c] {
		g.vertices[id].order = i
	}
}

// barycenter sorts column c by the mean place of each vertex's neighbours in the column before, or after.
func (g *layered) barycenter(c int, before bool) {
	ids := g.columns[c]
	mean := make(map[int]float64, len(ids))
	for _, id := range ids {
		links := g.out[id]
		if before {
			links = g.in[id]
		}
		sum := 0.0
		for _, l := range links {
			other := g.links[l].to
			if before {
				other = g.links[l].from
			}
			sum += float64(g.vertices[other].order)
		}
		mean[id] = float64(g.vertices[id].order)
		if len(links) > 0 {
			mean[id] = sum / float64(len(links))
		}
	}
	slices.SortStableFunc(ids, func(a, b int) int {
		switch {
		case mean[a] < mean[b]:
			return -1
		case mean[a] > mean[b]:
			return 1
		}
		return 0
	})
	g.renumber(c)
}

// improve takes each vertex in turn to the place of its column where crossings cost least, and flips slots where that
// helps. It reports whether anything became better.
func (g *layered) improve() bool {
	better := false
	for c := range g.columns {
		local := func() float64 { return g.crossings(c-1) + g.crossings(c) }
		cost := local()
		for _, id := range slices.Clone(g.columns[c]) {
			ids := g.columns[c]
			from := g.vertices[id].order
			best, place := cost, from
			reach := len(ids)
			if len(g.vertices) > largeGraph {
				reach = 1
			}
			// Every try starts from the same order; moving one vertex changes crossings only on the two sides of its
			// own column, so those are all that is counted.
			original := slices.Clone(ids)
			for to := max(0, from-reach); to < min(len(ids), from+reach+1); to++ {
				copy(ids, original)
				moveTo(ids, from, to)
				g.renumber(c)
				if try := local(); try < best {
					best, place = try, to
				}
			}
			copy(ids, original)
			moveTo(ids, from, place)
			g.renumber(c)
			if len(g.vertices[id].slots) > 1 {
				v := &g.vertices[id]
				v.flipped = !v.flipped
				if try := local(); try < best {
					best = try
				} else {
					v.flipped = !v.flipped
				}
			}
			if best < cost {
				cost, better = best, true
			}
		}
	}
	return better
}

// moveTo takes the element at one place to another and shifts those between.
func moveTo(ids []int, from, to int) {
	id := ids[from]
	copy(ids[from:], ids[from+1:])
	copy(ids[to+1:], ids[to:len(ids)-1])
	ids[to] = id
}

// place gives the vertices their heights: in the order of the columns, at least gap(upper, lower) apart, and
// otherwise with links as level as can be, solved column by column until it settles. The top of the topmost is at 0.
func (g *layered) place(gap func(upper, lower *vertex) float64) {
	for c := range g.columns {
		y := 0.0
		for i, id := range g.columns[c] {
			v := &g.vertices[id]
			if i > 0 {
				y += g.distance(c, i, gap)
			}
			v.y = y
		}
	}
	for round := range 240 {
		// Squares first, to find the place; then absolute differences, which make one long line level rather than
		// several nearly so.
		// Epsilon shrinks slowly: with a small one from the start, whichever link is level first would hold its vertex.
		epsilon := 0.0
		if round >= 60 {
			epsilon = math.Max(0.02, 2*math.Pow(0.96, float64(round-60)))
		}
		for c := range g.columns {
			g.settle(c, epsilon, gap)
		}
		for c := len(g.columns) - 1; c >= 0; c-- {
			g.settle(c, epsilon, gap)
		}
	}
	top := math.Inf(1)
	for _, v := range g.vertices {
		top = math.Min(top, v.y-v.half)
	}
	for i := range g.vertices {
		g.vertices[i].y -= top
	}
}

// distance is the least distance of the centres of vertices i-1 and i of column c.
func (g *layered) distance(c, i int, gap func(upper, lower *vertex) float64) float64 {
	upper, lower := &g.vertices[g.columns[c][i-1]], &g.vertices[g.columns[c][i]]
	return upper.half + gap(upper, lower) + lower.half
}

// settle moves the vertices of column c as near as possible to where their links pull them. With the least distances
// subtracted this is isotonic regression, which pooling adjacent violators solves exactly for squares; for absolute
// differences (epsilon above 0) each square is divided by the difference as it is now, plus epsilon.
func (g *layered) settle(c int, epsilon float64, gap func(upper, lower *vertex) float64) {
	// A block is a run of vertices at their least distances from each other: it moves as one, to the weighted mean of
	// where its vertices want to be. Blocks merge as long as the upper one wants to be below the lower one.
	type block struct {
		sum, weight float64
		count       int
	}
	ids := g.columns[c]
	var blocks []block
	offset := 0.0
	offsets := make([]float64, len(ids))
	for i, id := range ids {
		if i > 0 {
			offset += g.distance(c, i, gap)
		}
		offsets[i] = offset
		v := &g.vertices[id]
		const inertia = 1e-3 // so that what nothing pulls has a place too
		b := block{(v.y - offset) * inertia, inertia, 1}
		pull := func(l link, target float64) {
			w := l.pull
			if epsilon > 0 {
				w /= math.Abs(target-v.y) + epsilon
			}
			b.sum += w * (target - offset)
			b.weight += w
		}
		for _, id := range g.in[id] {
			l := g.links[id]
			pull(l, g.vertices[l.from].y-g.arrival(l))
		}
		for _, id := range g.out[id] {
			l := g.links[id]
			pull(l, g.vertices[l.to].y+g.arrival(l))
		}
		blocks = append(blocks, b)
		for n := len(blocks); n > 1 && blocks[n-2].sum/blocks[n-2].weight > blocks[n-1].sum/blocks[n-1].weight; n-- {
			blocks[n-2].sum += blocks[n-1].sum
			blocks[n-2].weight += blocks[n-1].weight
			blocks[n-2].count += blocks[n-1].count
			blocks = blocks[:n-1]
		}
	}
	i := 0
	for _, b := range blocks {
		for range b.count {
			g.vertices[ids[i]].y = b.sum/b.weight + offsets[i]
			i++
		}
	}
}
