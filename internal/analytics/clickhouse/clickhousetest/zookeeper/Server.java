import java.io.File;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.server.ServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/**
 * A ZooKeeper that keeps its data in the folder named first, has a node of each further
 * name, listens on a port of its own choice, which it prints, and ends when its standard
 * input does.
 */
class Server {
  public static void main(String[] args) {
    int status = 0;
    try {
      serve(args);
    } catch (Throwable e) {
      e.printStackTrace();
      status = 1;
    }
    Runtime.getRuntime().halt(status); // its threads would go on
  }

  static void serve(String[] args) throws Exception {
    int tickMs = 2000; // sessions live up to twenty of them
    File data = new File(args[0]);
    ZooKeeperServer server = new ZooKeeperServer(data, data, tickMs);
    InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    ServerCnxnFactory door = ServerCnxnFactory.createFactory(any, 0);
    door.startup(server);
    ZooKeeper client = new ZooKeeper("127.0.0.1:" + door.getLocalPort(), 20 * tickMs, event -> {});
    for (int i = 1; i < args.length; i++) {
      client.create("/" + args[i], new byte[0], ZooDefs.Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }
    System.out.println(door.getLocalPort());
    System.out.flush();
    while (System.in.read() >= 0) {}
  }
}
