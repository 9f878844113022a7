import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.OffsetDateTime;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Sends the plan through Segment's Java SDK as an application would. The calls come from standard
 * input; a report goes to standard output.
 */
public final class SegmentJava {
  // Numbers go through as they are written.
  private static final Gson GSON =
      new GsonBuilder().setObjectToNumberStrategy(ToNumberPolicy.LAZILY_PARSED_NUMBER).create();

  public static void main(String[] args) throws Exception {
    List<Map<String, Object>> calls =
        GSON.fromJson(
            new InputStreamReader(System.in, StandardCharsets.UTF_8),
            new TypeToken<List<Map<String, Object>>>() {}.getType());
    AtomicInteger acknowledged = new AtomicInteger();
    Queue<String> errors = new ConcurrentLinkedQueue<>();
    CountDownLatch rest = new CountDownLatch(calls.size());
    Callback callback =
        new Callback() {
          @Override
          public void success(Message message) {
            acknowledged.incrementAndGet();
            rest.countDown();
          }

          @Override
          public void failure(Message message, Throwable error) {
            errors.add(String.valueOf(error));
            rest.countDown();
          }
        };
    // The SDK waits for some 15 seconds before it tries a batch again; with a
    // thread for each, those waits are not one after the other.
    Analytics analytics =
        Analytics.builder(System.getenv("WRITE_KEY"))
            .endpoint(System.getenv("COLLECTOR"))
            .flushQueueSize(12)
            .flushInterval(1, TimeUnit.SECONDS)
            .networkExecutor(Executors.newCachedThreadPool())
            .callback(callback)
            .build();
    for (Map<String, Object> call : calls) {
      analytics.enqueue(message(call));
    }
    rest.await();
    analytics.shutdown();
    System.out.println(
        GSON.toJson(Map.of("acknowledged", acknowledged.get(), "errors", List.copyOf(errors))));
  }

  /** The message of a call, of whatever type, with what all types have. */
  private static MessageBuilder<?, ?> message(Map<String, Object> call) {
    MessageBuilder<?, ?> m = typed(call);
    if (call.containsKey("userId")) {
      m.userId(text(call, "userId"));
    }
    if (call.containsKey("anonymousId") && !(m instanceof AliasMessage.Builder)) {
      m.anonymousId(text(call, "anonymousId"));
    }
    if (call.containsKey("messageId")) {
      m.messageId(text(call, "messageId"));
    }
    if (call.containsKey("timestamp")) {
      m.timestamp(Date.from(OffsetDateTime.parse(text(call, "timestamp")).toInstant()));
    }
    if (call.containsKey("context")) {
      m.context(map(call, "context"));
    }
    if (call.containsKey("integrations")) {
      map(call, "integrations").forEach((name, on) -> m.enableIntegration(name, (Boolean) on));
    }
    return m;
  }

  private static MessageBuilder<?, ?> typed(Map<String, Object> call) {
    switch (text(call, "type")) {
      case "identify":
        return IdentifyMessage.builder().traits(map(call, "traits"));
      case "track":
        return TrackMessage.builder(text(call, "event")).properties(map(call, "properties"));
      case "page":
        PageMessage.Builder page = PageMessage.builder(text(call, "name"));
        if (call.containsKey("category")) {
          page.category(text(call, "category"));
        }
        return page.properties(map(call, "properties"));
      case "screen":
        return ScreenMessage.builder(text(call, "name")).properties(map(call, "properties"));
      case "group":
        return GroupMessage.builder(text(call, "groupId")).traits(map(call, "traits"));
      case "alias":
        return AliasMessage.builder(text(call, "previousId"));
      default:
        throw new IllegalArgumentException("a call of the type " + call.get("type"));
    }
  }

  private static String text(Map<String, Object> call, String key) {
    return (String) call.get(key);
  }

  @SuppressWarnings("unchecked")
  private static Map<String, Object> map(Map<String, Object> call, String key) {
    return (Map<String, Object>) call.get(key);
  }
}
