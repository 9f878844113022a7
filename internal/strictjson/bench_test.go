package strictjson

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// Events as the libraries send them, compact, 500 to 1000 bytes.
const (
	trackEvent = `{"anonymousId":"507f191e-810c-4972-9de8-60ea53f1a2c4","channel":"browser","context":{"ip":"203.0.113.77","library":{"name":"analytics.js","version":"2.11.1"},"locale":"en-US","page":{"path":"/academy/courses","referrer":"https://www.example.org/search?q=cdp","search":"","title":"Analytics Academy","url":"https://example.org/academy/courses"},"userAgent":"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"},"event":"Order Completed","integrations":{},"messageId":"ajs-next-1720000000000-5f6e1a3c","originalTimestamp":"2026-07-03T09:46:40.000Z","properties":{"order_id":"50314b8e9bcf000000000000","total":27.50,"revenue":25.00,"shipping":3,"tax":2,"currency":"USD","products":[{"product_id":"507f1f77bcf86cd799439011","sku":"45790-32","name":"Monopoly: 3rd Edition","price":19,"quantity":1,"category":"Games"}]},"sentAt":"2026-07-03T09:46:41.123Z","timestamp":"2026-07-03T09:46:40.000Z","type":"track","userId":"97980cfea0067"}`
	identify   = `{"type":"identify","messageId":"0b2f1c9e-4c3a-4e53-9a7e-7f7ac3f4f3aa","userId":"u-1048576","timestamp":"2026-07-03T09:46:40.000Z","traits":{"email":"jane.roe@example.org","name":"Jane Roe","age":34,"plan":"enterprise","logins":128,"newsletter":true,"address":{"street":"6th St","city":"San Francisco","state":"CA","postalCode":"94103","country":"USA"},"company":{"id":"c-17","name":"Initech","employees":420}},"context":{"library":{"name":"analytics-go","version":"3.3.0"},"timezone":"Europe/Berlin"}}`
	russian    = `{"type":"track","messageId":"0b2f1c9e-4c3a-4e53-9a7e-7f7ac3f4f3aa","userId":"u-1048576","event":"Заказ оформлен","properties":{"название":"Война и мир. Том первый, издание второе, исправленное","автор":"Лев Николаевич Толстой","цена":540,"описание":"Роман-эпопея, описывающий русское общество в эпоху войн против Наполеона"}}`
	chinese    = `{"type":"track","messageId":"0b2f1c9e-4c3a-4e53-9a7e-7f7ac3f4f3aa","userId":"u-1048576","event":"订单完成","properties":{"名称":"红楼梦（全三册）中国古典文学名著","作者":"曹雪芹","价格":98,"描述":"以贾、史、王、薛四大家族的兴衰为背景，以富贵公子贾宝玉为视角描绘的故事"}}`
	escaped    = `{"type":"page","messageId":"0b2f1c9e-4c3a-4e53-9a7e-7f7ac3f4f3aa","properties":{"url":"https:\/\/example.org\/a\/b\/c","title":"\u201eQuoted\u201c \"text\"","html":"<p class=\"x\">line one\nline two\n\ttabbed\u00e9\ud83d\ude00<\/p>","path":"C:\\Users\\jane\\file.txt"}}`
)

func indented(event string) string {
	var v any
	if err := json.Unmarshal([]byte(event), &v); err != nil {
		panic(err)
	}
	out, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(out)
}

// varied is a batch of events that all differ in which members they have and
// how long these are, so that a branch predictor cannot learn them by heart.
func varied(events int) string {
	random := rand.New(rand.NewPCG(1, 2))
	words := strings.Fields("order product revenue currency USD Monopoly name email page url https://example.org/a/b title price 27.50 total checkout step Ünïcode Заказ plan enterprise referrer utm_source newsletter")
	var b strings.Builder
	for i := range events {
		fmt.Fprintf(&b, `,{"type":"track","messageId":"%016x-%08x","userId":"u-%d","event":"%s %s","timestamp":"2026-07-03T09:46:%02d.%03dZ","properties":{`,
			random.Uint64(), random.Uint32(), random.IntN(1e6), words[random.IntN(len(words))], words[random.IntN(len(words))], i%60, i%1000)
		for k := range 4 + random.IntN(12) {
			if k > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `"%s_%d":`, words[random.IntN(len(words))], k)
			switch random.IntN(5) {
			case 0:
				fmt.Fprint(&b, random.IntN(1<<random.IntN(40)+1))
			case 1:
				fmt.Fprint(&b, random.IntN(2) == 0)
			case 2:
				fmt.Fprintf(&b, `{"id":"%x","quantity":%d}`, random.Uint64()>>random.IntN(64), random.IntN(9))
			default:
				fmt.Fprintf(&b, `"%s"`, strings.Join(words[:random.IntN(8)], " "))
			}
		}
		b.WriteString("}}")
	}
	return `{"batch":[` + b.String()[1:] + `]}`
}

func inputs() []struct{ name, text string } {
	return []struct{ name, text string }{
		{"track", trackEvent}, {"identify", identify}, {"russian", russian}, {"chinese", chinese}, {"escaped", escaped},
		{"indented", indented(trackEvent)},
		{"varied", varied(2000)},
	}
}

func BenchmarkParse(b *testing.B) {
	for _, in := range inputs() {
		b.Run(in.name, func(b *testing.B) {
			var d Doc
			data := []byte(in.text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Parse(data, Limits{Depth: 64, Keys: 1000}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkStandardValid(b *testing.B) {
	for _, in := range inputs() {
		b.Run(in.name, func(b *testing.B) {
			data := []byte(in.text)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if !json.Valid(data) {
					b.Fatal("invalid")
				}
			}
		})
	}
}

func BenchmarkStandardUnmarshal(b *testing.B) {
	data := []byte(trackEvent)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var v map[string]any
		if err := json.Unmarshal(data, &v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendClean(b *testing.B) {
	for _, in := range inputs()[:6] {
		b.Run(in.name, func(b *testing.B) { benchmarkAppend(b, in.text, Value.AppendClean) })
	}
}

func BenchmarkAppendCanonical(b *testing.B) {
	for _, in := range inputs()[:6] {
		b.Run(in.name, func(b *testing.B) { benchmarkAppend(b, in.text, Value.AppendCanonical) })
	}
}

func benchmarkAppend(b *testing.B, text string, appendTo func(Value, []byte) []byte) {
	var d Doc
	if err := d.Parse([]byte(text), Limits{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		out = appendTo(d.Root(), out[:0])
	}
}

func BenchmarkReadFields(b *testing.B) {
	var d Doc
	if err := d.Parse([]byte(trackEvent), Limits{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		root, n := d.Root(), 0
		for key, value := range root.Get("properties").Members() {
			if key.Is("total") && value.Kind() == Number {
				n++
			}
		}
		for p := range root.Path("properties", "products").Elements() {
			n += p.Len()
		}
		if n != 7 || !root.Get("type").Is("track") || root.Path("context", "page", "nothing").Exists() {
			b.Fatal("wrong fields")
		}
	}
}

func BenchmarkManyKeys(b *testing.B) {
	for _, keys := range []int{8, 16, 32, 33, 100, 1000, 50000} {
		var s strings.Builder
		for i := range keys {
			fmt.Fprintf(&s, `,"property_%d":%d`, i, i)
		}
		data := []byte("{" + s.String()[1:] + "}")
		b.Run(fmt.Sprint(keys), func(b *testing.B) {
			var d Doc
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Parse(data, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
