package chaos

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kith/event"
)

// people is how many persons the events are about.
const people = 400

// load is clients that send without pause to any collector, send again what was
// not acknowledged, and keep what was.
type load struct {
	collectors []*node

	mu       sync.Mutex
	acked    map[string]bool
	sent     int
	refused  map[int]int // answers by status; 0: none
	lastAck  time.Time
	silence  time.Duration // the longest time without an acknowledgement since it was asked last
	noRetry  int           // refusals without a time to come back
	stop     context.CancelFunc
	wg       sync.WaitGroup
	perBatch int
	ended    time.Time
}

func startLoad(t *testing.T, collectors []*node, clients int, seed uint64) *load {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	l := &load{collectors: collectors, acked: map[string]bool{}, refused: map[int]int{}, stop: stop, lastAck: time.Now(), perBatch: 40}
	for c := range clients {
		l.wg.Go(func() { l.client(ctx, t, c, rand.New(rand.NewPCG(seed, uint64(c)))) })
	}
	return l
}

// end stops the clients. What they have sent and was not acknowledged may be there
// or not.
func (l *load) end() {
	l.stop()
	l.wg.Wait()
	l.ended = time.Now()
}

// old is how many acknowledged events were old enough to move so long before the end.
func (l *load) old(before time.Duration) (n int) {
	at := l.ended.Add(-before).UnixMilli()
	for id := range l.acked {
		made, happened := moments(id)
		if max(made, happened+after.Milliseconds()) <= at {
			n++
		}
	}
	return n
}

func (l *load) client(ctx context.Context, t *testing.T, number int, rng *rand.Rand) {
	client := &http.Client{Timeout: 4 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	var last []string
	for n := 0; ctx.Err() == nil; {
		batch := last
		if len(last) == 0 || rng.IntN(10) > 0 { // of ten batches one is sent again although it was acknowledged
			batch = nil
			for range 1 + rng.IntN(l.perBatch) {
				batch = append(batch, fmt.Sprintf("m-%d-%d-%d", number, n, time.Now().UnixMilli()))
				n++
			}
		}
		l.deliver(ctx, t, client, batch, rng)
		last = batch
		select {
		case <-ctx.Done():
		case <-time.After(150 * time.Millisecond): // the machine has others to run
		}
	}
}

// deliver sends messages to one collector after another until they are
// acknowledged.
func (l *load) deliver(ctx context.Context, t *testing.T, client *http.Client, batch []string, rng *rand.Rand) {
	body := bodyOf(batch)
	for ctx.Err() == nil {
		to := l.collectors[rng.IntN(len(l.collectors))]
		status, after, answer := post(ctx, client, to.url+"/v1/batch", body)
		l.mu.Lock()
		l.sent += len(batch)
		if status == http.StatusOK {
			for _, id := range batch {
				l.acked[id] = true
			}
			l.silence, l.lastAck = max(l.silence, time.Since(l.lastAck)), time.Now()
			l.mu.Unlock()
			if strings.Contains(answer, "rejected") {
				t.Errorf("rejected: %s", answer)
			}
			return
		}
		l.refused[status]++
		if status != 0 && after == "" {
			l.noRetry++
		}
		l.mu.Unlock()
		if status != 0 && status != http.StatusServiceUnavailable && status != http.StatusTooManyRequests {
			t.Errorf("answered %d: %s", status, answer)
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// post returns the status, 0 without an answer, and when to come back.
func post(ctx context.Context, client *http.Client, url, body string) (status int, after, answer string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return 0, "", err.Error()
	}
	req.SetBasicAuth(writeKey, "")
	res, err := client.Do(req)
	if err != nil {
		return 0, "", err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	content, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, "", err.Error()
	}
	return res.StatusCode, res.Header.Get("Retry-After"), string(content)
}

// quiet returns the longest time without an acknowledgement since it was asked
// last.
func (l *load) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	longest := max(l.silence, time.Since(l.lastAck))
	l.silence, l.lastAck = 0, time.Now()
	return longest
}

// moments tells when a message was made and when its event happened, in UTC
// milliseconds: some at some time in the day before it, the others just then.
func moments(id string) (made, happened int64) {
	made, err := strconv.ParseInt(id[strings.LastIndexByte(id, '-')+1:], 10, 64)
	if err != nil {
		panic("BUG: an id without its time: " + id)
	}
	h := hash(id)
	if h/people/3%32 == 0 {
		return made, made - int64(h%86_400_000)
	}
	return made, made
}

// bodyOf makes the messages of a batch. What a message says follows from its id
// alone, so a copy says the same. Visits link a person with the devices they come
// from, and now and then with a household's address.
func bodyOf(batch []string) string {
	var all []string
	for _, id := range batch {
		h := hash(id)
		person := fmt.Sprintf("person-%d", h%people)
		device := fmt.Sprintf("device-%d-%d", h%people, h/people%3)
		_, happened := moments(id)
		at := event.FormatTime(happened)
		switch h % 10 {
		case 0:
			all = append(all, fmt.Sprintf(`{"type":"identify","messageId":%q,"userId":%q,"anonymousId":%q,"timestamp":%q,"traits":{"plan":"p%d","email":"home-%d@example.com"}}`,
				id, person, device, at, h/7%5, h%people/2))
		case 1, 2:
			all = append(all, fmt.Sprintf(`{"type":"page","messageId":%q,"anonymousId":%q,"timestamp":%q,"name":"Home"}`, id, device, at))
		default:
			all = append(all, fmt.Sprintf(`{"type":"track","event":"Order Completed","messageId":%q,"userId":%q,"timestamp":%q,"properties":{"revenue":%d,"note":%q}}`,
				id, person, at, h%100, strings.Repeat("x", 200)))
		}
	}
	return `{"batch":[` + strings.Join(all, ",") + `]}`
}

// hash spreads ids evenly.
func hash(id string) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range []byte(id) {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h ^ h>>29
}
