/** omp-edge/mqtt: a motor controller behind an MQTT broker. */
export { MqttLink, type MqttLinkOptions } from "./mqtt/mqtt-link.ts";
export { MqttGateway, type MqttGatewayOptions } from "./mqtt/mqtt-gateway.ts";
export {
  openMqttTransport,
  type BrokerOptions,
  type MqttTransportOptions,
} from "./mqtt/mqtt-transport.ts";
export { linkTopics, type LinkTopics } from "./mqtt/topics.ts";
