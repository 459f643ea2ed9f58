package dataset

import "sync"

// batchKey says which batch is meant.
type batchKey struct{ epoch, index, batch int }

// batchesAhead is how many batches are made before they are asked for: one to be there in time, another because some
// images take longer than others.
const batchesAhead = 2

// ahead makes batches in goroutines before they are asked for. The unit of work is one crop, so that all goroutines work
// on the batch that is wanted first. What a batch holds is up to one alone.
type ahead struct {
	pixels    int // of a crop
	following func(batchKey) batchKey
	one       func(k batchKey, i int, image []float32, labels []uint8) error

	turn   sync.Mutex // of take: a second caller's wish would drop the batch that the first waits for
	mu     sync.Mutex
	change *sync.Cond // work has come, a batch is done, or all is to end
	queue  []*coming  // in the order in which they will be asked for
	spare  []*coming  // whose memory may be used again
	closed bool
	wait   sync.WaitGroup
}

// coming is a batch under way.
type coming struct {
	key           batchKey
	image         []float32
	labels        []uint8
	started, done int // crops
	errs          []error
	dropped       bool // nobody will ask for it
}

func newAhead(workers, pixels int, following func(batchKey) batchKey, one func(batchKey, int, []float32, []uint8) error) *ahead {
	a := &ahead{pixels: pixels, following: following, one: one}
	a.change = sync.NewCond(&a.mu)
	for range workers {
		a.wait.Go(a.work)
	}
	return a
}

// close ends the goroutines; crops under way are finished.
func (a *ahead) close() {
	a.mu.Lock()
	a.closed = true
	a.change.Broadcast()
	a.mu.Unlock()
	a.wait.Wait()
}

// work makes crop after crop, of the first batch that still lacks one.
func (a *ahead) work() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for !a.closed {
		c := a.next()
		if c == nil {
			a.change.Wait()
			continue
		}
		i := c.started
		c.started++
		a.mu.Unlock()
		err := a.one(c.key, i, c.image, c.labels)
		a.mu.Lock()
		c.errs[i] = err
		if c.done++; c.done == c.started && c.dropped {
			a.spare = append(a.spare, c)
		}
		if c.done == c.key.batch {
			a.change.Broadcast()
		}
	}
}

func (a *ahead) next() *coming {
	for _, c := range a.queue {
		if c.started < c.key.batch {
			return c
		}
	}
	return nil
}

// take waits for a batch, copies it out, and has those after it made.
func (a *ahead) take(k batchKey, image []float32, labels []uint8) error {
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.plan(k)
	c := a.queue[0]
	for c.done < k.batch && !a.closed {
		a.change.Wait()
	}
	if a.closed {
		return errClosed
	}
	for _, err := range c.errs { // the first in order, whichever came first in time
		if err != nil {
			return err
		}
	}
	copy(image, c.image)
	copy(labels, c.labels)
	a.queue = a.queue[1:]
	a.spare = append(a.spare, c)
	a.plan(a.following(k))
	return nil
}

// plan makes the queue the batches from k on, and keeps what it already has of them.
func (a *ahead) plan(k batchKey) {
	old := a.queue
	a.queue = nil
	for range batchesAhead {
		var c *coming
		for i, o := range old {
			if o != nil && o.key == k {
				c, old[i] = o, nil
			}
		}
		if c == nil {
			c = a.fresh(k)
		}
		a.queue = append(a.queue, c)
		k = a.following(k)
	}
	for _, o := range old {
		if o == nil {
			continue
		}
		if o.dropped = true; o.done == o.started {
			a.spare = append(a.spare, o)
		}
	}
	a.spare = a.spare[:min(len(a.spare), batchesAhead)]
	a.change.Broadcast()
}

func (a *ahead) fresh(k batchKey) *coming {
	n := k.batch * a.pixels
	c := &coming{key: k, errs: make([]error, k.batch)}
	for i, s := range a.spare {
		if len(s.labels) == n {
			c.image, c.labels = s.image, s.labels
			a.spare = append(a.spare[:i], a.spare[i+1:]...)
			return c
		}
	}
	c.image, c.labels = make([]float32, 3*n), make([]uint8, n)
	return c
}
