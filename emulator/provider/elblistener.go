package provider

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

type listenerInputs struct {
	LoadBalancerArn string `pulumi:"loadBalancerArn"`
	Port            int    `pulumi:"port"`
	Protocol        string `pulumi:"protocol"`
	CertificateArn  string `pulumi:"certificateArn"`
	SslPolicy       string `pulumi:"sslPolicy"`
	TCPIdleTimeout  int    `pulumi:"tcpIdleTimeoutSeconds"` // seconds
	DefaultActions  []struct {
		Type           string `pulumi:"type"`
		Order          int    `pulumi:"order"`
		TargetGroupArn string `pulumi:"targetGroupArn"`
		Redirect       *struct {
			Protocol   string `pulumi:"protocol"`
			Port       string `pulumi:"port"`
			StatusCode string `pulumi:"statusCode"`
		} `pulumi:"redirect"`
	} `pulumi:"defaultActions"`
	Tags map[string]string `pulumi:"tags"`
}

func listener() resourceType {
	return define(resourceType{
		token: "aws:lb/listener:Listener", kind: Run, replaceOn: []string{"loadBalancerArn"},
	}, handlers[listenerInputs, arnOutput]{
		create: func(m *cloud.Model, in listenerInputs) (string, arnOutput, error) {
			spec, err := in.spec("")
			if err != nil {
				return "", arnOutput{}, err
			}
			made, err := m.ELB.CreateListener(spec)
			return made.ARN, arnOutput{made.ARN}, err
		},
		update: func(m *cloud.Model, id string, _, now listenerInputs) (*arnOutput, error) {
			spec, err := now.spec(id)
			if err != nil {
				return nil, err
			}
			return nil, m.ELB.UpdateListener(spec)
		},
		remove: func(m *cloud.Model, id string, _ listenerInputs) error { return m.ELB.DeleteListener(id) },
	})
}

func (in listenerInputs) spec(arn string) (elb.Listener, error) {
	listener := elb.Listener{
		ARN: arn, Balancer: in.LoadBalancerArn, Port: in.Port, Protocol: in.Protocol, Certificate: in.CertificateArn,
		IdleTimeout: seconds(in.TCPIdleTimeout),
	}
	if in.Protocol == "" && strings.Contains(in.LoadBalancerArn, ":loadbalancer/app/") {
		listener.Protocol = "HTTP"
	}
	encrypted := listener.Protocol == "HTTPS" || listener.Protocol == "TLS"
	switch {
	case len(in.DefaultActions) != 1:
		return listener, fmt.Errorf("defaultActions: the emulator takes one action")
	case in.SslPolicy != "" && !encrypted:
		return listener, fmt.Errorf("ValidationError: An SSL policy cannot be specified for %s listeners", listener.Protocol)
	case in.SslPolicy != "" && !strings.HasPrefix(in.SslPolicy, "ELBSecurityPolicy-"):
		return listener, fmt.Errorf("SSLPolicyNotFound: SSL policy '%s' not found", in.SslPolicy)
	}
	return listener, in.action(&listener)
}

// action sets what the listener does with a request. A redirect keeps the parts of the request's URL that it doesn't name.
func (in listenerInputs) action(listener *elb.Listener) error {
	action := in.DefaultActions[0]
	switch {
	case action.Type == "forward":
		listener.TargetGroup = action.TargetGroupArn
		return nil
	case action.Type != "redirect" || action.Redirect == nil:
		return unsupported("defaultActions[0].type", action.Type, "forward and redirect")
	}
	to := action.Redirect
	redirect := &elb.Redirect{Protocol: to.Protocol, Port: listener.Port}
	if to.Protocol == "" || to.Protocol == "#{protocol}" {
		redirect.Protocol = listener.Protocol
	}
	if to.Port != "" && to.Port != "#{port}" {
		port, err := strconv.Atoi(to.Port)
		if err != nil {
			return fmt.Errorf("defaultActions[0].redirect.port: %q is neither a port nor #{port}", to.Port)
		}
		redirect.Port = port
	}
	code, ok := map[string]int{"HTTP_301": 301, "HTTP_302": 302}[to.StatusCode]
	if !ok {
		return fmt.Errorf("defaultActions[0].redirect.statusCode: %q is neither HTTP_301 nor HTTP_302", to.StatusCode)
	}
	redirect.StatusCode, listener.Redirect = code, redirect
	return nil
}
